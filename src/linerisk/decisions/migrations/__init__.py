"""Alembic migrations of the decision log, run by `linerisk.decisions.store`; there is no ini file."""
