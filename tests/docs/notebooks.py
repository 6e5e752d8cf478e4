"""Runs the notebooks and keeps their outputs: `python tests/docs/notebooks.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
_KERNEL = "python3"
_CELL_S = 120


def notebooks() -> list[Path]:
    """Every notebook of the project."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> NotebookNode:
    """The notebook as it comes out of a run in an empty folder; what depends on the machine or the day is left out."""
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as empty:
        client = NotebookClient(
            notebook,
            timeout=_CELL_S,
            kernel_name=_KERNEL,
            record_timing=False,
            resources={"metadata": {"path": empty}},
        )
        client.execute()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": _KERNEL, "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
    )
    return notebook


if __name__ == "__main__":
    for notebook_path in notebooks():
        nbformat.write(executed(notebook_path), notebook_path)
        sys.stdout.write(f"notebooks/{notebook_path.name}\n")
