"""Entry point of a bento: its files are not installed, so the folder of `linerisk` is put on the path first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from linerisk.service.app import service  # the path comes first

__all__ = ["service"]
