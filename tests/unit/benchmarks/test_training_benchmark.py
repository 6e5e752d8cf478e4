"""The benchmark of training and scoring runs on few lines, and the committed results meet their goals."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "training"
CASES = ["training", "tiers", "reasons"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("training")
    sizes = ("--lines", "6000", "--with-reasons", "500", "--repeats", "1")
    command = [sys.executable, FOLDER / "run.py", *sizes, "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (out / "results.md").read_text(encoding="utf-8")
    return out


def read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_every_case_is_measured_with_its_bare_call(made: Path) -> None:
    cases = read(made)["cases"]
    assert list(cases) == CASES
    assert [cases[name]["lines"] for name in CASES] == [6_000, 6_000, 500]
    assert cases["training"]["calls"] == 1
    for case in cases.values():
        assert case["bare_cpu_s"] > 0
        assert case["peak_gb"] >= case["held_before_gb"] > case["rows_gb"]
    assert cases["training"]["ratio"] >= 1


def test_the_page_names_what_was_measured() -> None:
    committed = read(FOLDER)
    assert list(committed["cases"]) == CASES
    page = (FOLDER / "results.md").read_text(encoding="utf-8")
    for name, case in committed["cases"].items():
        times = f"{case['bare_cpu_s']:.1f} | {case['ours_cpu_s']:.1f} | {case['ratio']:.2f}"
        assert f"| {name} | {case['lines']:,} | " in page
        assert f" | {times} | " in page


def test_committed_ratios_are_on_the_right_side_of_their_goals() -> None:
    cases = read(FOLDER)["cases"]
    assert cases["training"]["ratio"] <= 1.15
    assert cases["tiers"]["ratio"] >= 0.8
    assert cases["reasons"]["ratio"] >= 0.8
