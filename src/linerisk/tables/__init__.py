"""Tables: schemas, keyed ids, intake, and the record store."""
