"""Table schemas, intake and validation of rows, keyed hashing of ids, and the record store."""
