"""The reviewers' console at `/review`: pages made on the server, forms that work without a script, no other address."""
