"""The benchmark of features runs on a few lines, and every engine gives the same features."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "features"
LINES = 60


def _run(*words: str | Path) -> str:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmark")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    out = folder / "results.json"
    _run(FOLDER / "run.py", "--lines", str(LINES), "--repeats", "1", "--data", folder, "--out", out)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_all_engines_agree_or_there_is_no_result(results: dict[str, Any]) -> None:
    [size] = results["sizes"]
    assert size["engines_agree"]
    engines = " ".join(row["engine"] for row in size["rows"])
    assert all(name in engines for name in ("ours, bucketed", "ours, whole", "DuckDB", "pandas", "bandicoot"))


def test_a_wrong_value_of_one_line_is_detected(folder: Path) -> None:
    key = pl.Series("line_key", [1, 2, 3])
    ours, theirs = folder / "ours.parquet", folder / "theirs.parquet"
    pl.DataFrame({"line_key": key, "mean_gap_s_7d": [1.0, 2.0, None], "out_calls_count_7d": [0, 5, 6]}).write_parquet(
        ours
    )
    pl.DataFrame({"line_key": key, "mean_gap_s_7d": [1.0, 2.1, 0.0], "out_calls_count_7d": [None, 5, 6]}).write_parquet(
        theirs
    )
    answer = json.loads(_run(FOLDER / "child.py", "compare", ours, theirs))
    assert answer == {"differences": {"mean_gap_s_7d": 2}}


def test_missing_lines_are_detected(folder: Path) -> None:
    ours, theirs = folder / "all.parquet", folder / "few.parquet"
    pl.DataFrame({"line_key": [1, 2], "x": [0, 0], "y": [0, 0]}).write_parquet(ours)
    pl.DataFrame({"line_key": [1], "x": [0], "y": [0]}).write_parquet(theirs)
    assert json.loads(_run(FOLDER / "child.py", "compare", ours, theirs)) == {"differences": {"line_key": 1}}


@pytest.mark.slow
def test_committed_results_cover_the_current_features_and_engines(
    results: dict[str, Any], committed: dict[str, Any]
) -> None:
    assert committed["features"] == results["features"]
    engines = [row["engine"] for row in results["sizes"][0]["rows"]]
    assert [row["engine"] for row in committed["sizes"][0]["rows"]] == engines
    assert all(size["engines_agree"] for size in committed["sizes"])


def test_every_goal_states_whether_it_is_met(committed: dict[str, Any]) -> None:
    assert len(committed["goals"]) == 8
    assert all(goal["met"] in {True, False} and goal["found"] for goal in committed["goals"])


def test_the_page_names_what_was_measured() -> None:
    before = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    again = _run("-c", f"import sys; sys.path.insert(0, {str(FOLDER)!r}); {PRINT_AGAIN}")
    assert again in before


PRINT_AGAIN = "import json, page; sys.stdout.write(page.markdown(json.loads(page.RESULTS.read_text())))"
