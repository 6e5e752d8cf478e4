"""Runs the notebooks and keeps their outputs: `python tests/docs/notebooks.py`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
_SOURCE = FOLDER.parent / "src"
_KERNEL = "python3"
_CELL_S = 120


def notebooks() -> list[Path]:
    """Every notebook of the project."""
    return sorted(FOLDER.glob("*.ipynb"))


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
        }
    )
    return notebook


if __name__ == "__main__":
    with TemporaryDirectory() as shared:
        for notebook_path in notebooks():
            nbformat.write(executed(notebook_path, folder=Path(shared)), notebook_path)
            sys.stdout.write(f"notebooks/{notebook_path.name}\n")
