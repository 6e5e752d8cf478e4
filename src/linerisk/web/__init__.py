"""What the API and the console share: HTTP, errors, tokens, metrics, and what a worker keeps open."""
