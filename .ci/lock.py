"""Write both locks anew from `pyproject.toml`: `python .ci/lock.py`, with `uv` installed.

`requirements.lock` holds what running needs, `requirements-dev.lock` what development and tests need besides. A pin
changes only where `pyproject.toml` demands it; `--upgrade-package NAME` is passed on to the resolver and moves one.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNTIME, DEVELOPMENT = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
RESOLVE = ("uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", "--no-header")


def main() -> None:
    """Resolve what running needs, then everything with those pins, and keep the difference."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch, "whole.lock")
        # The resolver keeps the pins that it finds in its output file.
        whole.write_text(RUNTIME.read_text(encoding="utf-8") + DEVELOPMENT.read_text(encoding="utf-8"))
        _resolve(RUNTIME, "--extra", "build")
        _resolve(whole, "--all-extras", "--constraint", str(RUNTIME))
        locked = set(_entries(RUNTIME))
        DEVELOPMENT.write_text("".join(entry for entry in _entries(whole) if entry not in locked), encoding="utf-8")


def _resolve(out: Path, *options: str) -> None:
    command = [*RESOLVE, "--python-version", "3.11", *options, *sys.argv[1:], "--output-file", out, "pyproject.toml"]
    subprocess.run(command, check=True, cwd=ROOT)


def _entries(lock: Path) -> list[str]:
    """Pins, each with its hashes."""
    return re.findall(r"^\S.*\n(?:[ ].*\n)*", lock.read_text(encoding="utf-8"), re.MULTILINE)


if __name__ == "__main__":
    main()
