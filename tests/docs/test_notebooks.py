"""Notebooks run, keep their outputs, import instead of defining, and name no place on anybody's machine."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbformat import NotebookNode

HERE = Path(__file__).parent
PATHS = sorted((HERE.parents[1] / "notebooks").glob("*.ipynb"))
ONE_MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("linerisk_notebooks", HERE / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all run, so that a store which two of them use is made once, whichever comes first."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(params=PATHS, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    chosen: Path = request.param
    return chosen


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _shape(cell: NotebookNode) -> list[tuple[str, ...]]:
    return [(output.output_type, *sorted(output.get("data", {}))) for output in cell.outputs]


def test_there_is_a_notebook_to_start_with() -> None:
    assert "01_explore.ipynb" in {path.name for path in PATHS}


def test_it_runs_and_the_outputs_kept_are_of_the_same_kinds(path: Path, runner: ModuleType, shared: Path) -> None:
    """If not: `python tests/docs/notebooks.py`."""
    kept, run = nbformat.read(path, as_version=4), runner.executed(path, folder=shared)
    assert [_shape(cell) for cell in _code(kept)] == [_shape(cell) for cell in _code(run)]


def test_it_was_run_from_the_first_cell_to_the_last(path: Path) -> None:
    cells = _code(nbformat.read(path, as_version=4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_it_defines_nothing(path: Path) -> None:
    source = "\n".join(cell.source for cell in _code(nbformat.read(path, as_version=4)))
    defined = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
    ]
    assert defined == []
    assert "from linerisk" in source


def test_its_pictures_show_without_scripts(path: Path) -> None:
    kinds = {
        kind for cell in _code(nbformat.read(path, as_version=4)) for o in cell.outputs for kind in o.get("data", {})
    }
    assert kinds <= {"text/plain", "text/html", "text/markdown", "image/png", "image/svg+xml"}
    assert "<script" not in path.read_text(encoding="utf-8")


def test_its_outputs_name_no_place_on_a_machine(path: Path) -> None:
    outputs = "\n".join(str(cell.outputs) for cell in _code(nbformat.read(path, as_version=4)))
    assert re.findall(r"(?<![\w/+])/(?:[a-z]+/)+\w+", re.sub(r"'image/png': '[^']*'", "", outputs)) == []


def test_it_is_small_enough_to_review(path: Path) -> None:
    assert path.stat().st_size < ONE_MEGABYTE
