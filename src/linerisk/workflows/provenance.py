"""Provenance of a model: commit, lock file, and fingerprint of its test lines."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

from linerisk.training.examples import Examples

_PROJECT = Path(__file__).resolve().parents[3]


def lines_of(test: Examples, *, data: str) -> str:
    """Fingerprint of the test lines: equal for the same lines of the same data at the same instants.

    Args:
        test: The test slice.
        data: Fingerprint of the data.
    """
    seen = hashlib.sha256(data.encode())
    seen.update(test.line_key.tobytes())
    seen.update(b"" if test.as_of is None else test.as_of.astype("datetime64[us]").tobytes())
    return seen.hexdigest()


def commit() -> str:
    """The commit of the checkout, with `-dirty` if something is uncommitted; `unknown` outside a checkout."""
    git = shutil.which("git")
    if git is None or not (_PROJECT / ".git").exists():
        return "unknown"
    described = subprocess.run(  # noqa: S603 - a fixed command of our own
        [git, "-C", str(_PROJECT), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"],
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def lock_hash() -> str:
    """SHA-256 of `requirements.lock`, or of the installed names and versions if there is no lock file."""
    lock = _PROJECT / "requirements.lock"
    if lock.is_file():
        return hashlib.sha256(lock.read_bytes()).hexdigest()
    installed = sorted(f"{d.metadata['Name']}=={d.version}" for d in distributions())
    return "installed:" + hashlib.sha256("\n".join(installed).encode()).hexdigest()
