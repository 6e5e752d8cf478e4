"""`python -m linerisk`."""

from linerisk.cli import app

app()
