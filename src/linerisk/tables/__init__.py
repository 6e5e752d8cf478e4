"""The door: what may enter, how ids become keys, how tables are taken in, and the record store."""
