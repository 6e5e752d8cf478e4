"""Runs the notebooks and keeps their outputs: `python tests/docs/notebooks.py`, or only some, by how they begin."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
KEPT = "linerisk"
"""Key of a notebook's metadata under which a run leaves what it ran and what came out."""
TIMED = "timed"
"""Tag of a cell whose words depend on how fast the machine is."""
_SOURCE = FOLDER.parent / "src"
_KERNEL = "python3"
_CELL_S = 120


def notebooks() -> list[Path]:
    """Every notebook of the project."""
    return sorted(FOLDER.glob("*.ipynb"))


def fingerprints(notebook: NotebookNode) -> dict[str, str]:
    """SHA-256 of all code, and of all outputs: what a run leaves in the metadata, and what the file says now."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {
        "code": _sha256([cell.source for cell in code]),
        "outputs": _sha256([cell.outputs for cell in code]),
    }


def executed(path: Path, *, folder: Path) -> NotebookNode:
    """The notebook as it comes out of a run; what depends on the machine or the day is left out.

    Args:
        path: The notebook.
        folder: Where it runs: empty, or with what another notebook made there, which must make no difference.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=_CELL_S,
        kernel_name=_KERNEL,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    # A kernel runs elsewhere, and must find this checkout there.
    client.execute(env={**os.environ, "PYTHONPATH": str(_SOURCE)})
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": _KERNEL, "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            KEPT: fingerprints(notebook),
        }
    )
    return notebook


def chosen(names: list[str]) -> list[Path]:
    """The notebooks whose names begin so; all if none is named."""
    found = [path for path in notebooks() if not names or path.name.startswith(tuple(names))]
    if unknown := [name for name in names if not any(path.name.startswith(name) for path in found)]:
        sys.exit(f"no notebook begins with {', '.join(unknown)}; there are {', '.join(p.name for p in notebooks())}")
    return found


def _sha256(told: object) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


if __name__ == "__main__":
    with TemporaryDirectory() as shared:
        for notebook_path in chosen(sys.argv[1:]):
            began = time.monotonic()
            nbformat.write(executed(notebook_path, folder=Path(shared)), notebook_path)
            sys.stdout.write(f"notebooks/{notebook_path.name}  {time.monotonic() - began:.0f} s\n")
