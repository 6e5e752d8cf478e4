"""Notebooks run, keep what they say, import instead of defining, and name no place on anybody's machine."""

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
WORDS = ("text/plain", "text/markdown")
AGAIN = "run `python tests/docs/notebooks.py` again"


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


def _words(cell: NotebookNode) -> list[str]:
    return [output["data"][kind] for output in cell.outputs for kind in WORDS if kind in output.get("data", {})]


def _shows(cell: NotebookNode) -> bool:
    """Whether a cell ends with a value, which a run shows; cleaning up has none."""
    return isinstance(ast.parse(cell.source).body[-1], ast.Expr) and not cell.source.endswith(".cleanup()")


def test_there_is_a_notebook_to_start_with() -> None:
    assert "01_explore.ipynb" in {path.name for path in PATHS}


def test_the_readme_leads_to_every_notebook() -> None:
    readme = (HERE.parents[1] / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in PATHS if f"({path.name})" not in readme] == []


@pytest.mark.slow
def test_it_runs_and_still_says_what_it_kept(path: Path, runner: ModuleType, shared: Path) -> None:
    """Pictures are held to their kind, and so are words that tell of the machine's speed."""
    kept, run = nbformat.read(path, as_version=4), runner.executed(path, folder=shared)
    assert [_shape(cell) for cell in _code(kept)] == [_shape(cell) for cell in _code(run)], AGAIN
    for cell, again in zip(_code(kept), _code(run), strict=True):
        if runner.TIMED not in cell.metadata.get("tags", []):
            assert _words(cell) == _words(again), AGAIN


def test_its_code_was_not_changed_since_it_ran(path: Path, runner: ModuleType) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata[runner.KEPT]["code"] == runner.fingerprints(notebook)["code"], AGAIN


def test_its_outputs_are_those_of_that_run(path: Path, runner: ModuleType) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata[runner.KEPT]["outputs"] == runner.fingerprints(notebook)["outputs"], AGAIN


@pytest.mark.parametrize("what", ["source", "outputs"])
def test_one_changed_cell_is_noticed(runner: ModuleType, what: str) -> None:
    notebook = nbformat.read(PATHS[0], as_version=4)
    before = runner.fingerprints(notebook)
    cell = next(cell for cell in _code(notebook) if cell.outputs)
    cell[what] = "1 + 1" if what == "source" else []
    changed = {"source": "code", "outputs": "outputs"}[what]
    after = runner.fingerprints(notebook)
    assert {key for key in before if before[key] != after[key]} == {changed}


def test_every_cell_that_ends_with_a_value_shows_it(path: Path) -> None:
    cells = [cell for cell in _code(nbformat.read(path, as_version=4)) if _shows(cell)]
    assert cells
    assert [cell.source for cell in cells if not _words(cell)] == []


def test_no_cell_ended_in_an_error_or_a_warning(path: Path) -> None:
    outputs = [output for cell in _code(nbformat.read(path, as_version=4)) for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data"}


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
    assert re.findall(r"(?<![\w/+.])/(?:[a-z]+/)+\w+", re.sub(r"'image/png': '[^']*'", "", outputs)) == []


def test_it_is_small_enough_to_review(path: Path) -> None:
    assert path.stat().st_size < ONE_MEGABYTE
