"""Commands, options and examples in README and docs exist and look like the real ones; pages are short."""

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from linerisk.cli.demo import AS_OF, SEED
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel, RecordedReason
from linerisk.decisions.recorded_features import RecordedFeatures
from linerisk.records.simulation.story import write_story

NOW = datetime(2024, 7, 26, tzinfo=UTC)
MOST_README_LINES = 110
MOST_PAGE_LINES = 200


@pytest.fixture(scope="module")
def readme(documents: dict[str, str]) -> str:
    return documents["README.md"]


@pytest.fixture(scope="module")
def example(documents: dict[str, str]) -> dict[str, Any]:
    """The answer in docs/scoring.md."""
    text = documents["docs/scoring.md"]
    answer: dict[str, Any] = json.loads(text.split("```json\n")[1].split("```", maxsplit=1)[0])
    return answer


def test_readme_is_short(readme: str) -> None:
    assert len(readme.splitlines()) <= MOST_README_LINES


def test_pages_are_short(documents: dict[str, str]) -> None:
    """Generated parts aside, a page has at most 200 lines."""
    lengths = {}
    for name, text in documents.items():
        written = re.sub(r"<!-- begin: (\w+) -->.*?<!-- end: \1 -->", "", text, flags=re.DOTALL)
        if "<!-- Printed by" not in text and name != "CHANGELOG.md":
            lengths[name] = len(written.splitlines())
    assert {name: length for name, length in lengths.items() if length > MOST_PAGE_LINES} == {}


def test_make_targets_that_documents_name_exist(root: Path, documents: dict[str, str]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {
        (name, target)
        for name, text in documents.items()
        for target in re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text, flags=re.MULTILINE)
    }
    assert named
    assert sorted(pair for pair in named if pair[1] not in targets) == []


def test_commands_that_documents_name_exist(documents: dict[str, str], pages: ModuleType) -> None:
    known = {words for words, _ in pages.commands()}
    groups = {words.split()[0] for words in known if " " in words}
    wrong = []
    for name, text in documents.items():
        for first, second in re.findall(r"(?:^ {4}|[`(/])linerisk ([a-z]+)(?: ([a-z]+))?", text, flags=re.MULTILINE):
            words = f"{first} {second}" if first in groups else first
            if words not in known:
                wrong.append(f"{name}: linerisk {words}")
    assert wrong == []


def test_options_that_readme_gives_to_commands_exist(readme: str, pages: ModuleType) -> None:
    options = {words: {o for p in command.params for o in p.opts} for words, command in pages.commands()}
    for line in re.findall(r"\.venv/bin/linerisk ([^\n)]+)", readme):
        words = next(words for words in options if line.startswith(words))
        assert set(re.findall(r"--[a-z-]+", line)) <= options[words] | {"--help"}, line


def test_the_example_answer_has_the_fields_of_a_real_one(example: dict[str, Any]) -> None:
    real = DecisionRecord(
        decision_id="01",
        request_id="first",
        line_id="a",
        as_of=NOW,
        scored_at=NOW,
        status="fresh",
        margin=-3.91,
        probability=0.0196,
        probability_low=0.014,
        probability_high=0.027,
        tier="medium_low",
        action=RecordedAction(kind="verify", policy="shenzhen-2024-07-b", steps=("online_real_person",)),
        reasons=(
            RecordedReason(
                code="A02", family="places", direction="raises", zh="", en="", contribution=0.81, facts={"x": 0.93}
            ),
        ),
        base=-6.2,
        calibration=-0.4,
        contributions={"places": 0.81},
        model=RecordedModel(name="linerisk", version="1", fingerprint="f"),
        features_from="snapshot",
        features=RecordedFeatures(columns="", values=""),
        scored_by="me",
    ).to_answer_json()
    assert set(example) == {"request_id", "decisions", "problems"}
    (decision,) = example["decisions"]
    assert list(decision) == list(real)
    for name in ("action", "model"):
        assert set(decision[name]) == set(real[name])
    assert set(decision["reasons"][0]) == set(real["reasons"][0])


def test_the_log_odds_of_the_example_sum_to_its_probability(example: dict[str, Any]) -> None:
    (decision,) = example["decisions"]
    log_odds = decision["base"] + decision["calibration"] + sum(decision["contributions"].values())
    assert log_odds == pytest.approx(math.log(decision["probability"] / (1 - decision["probability"])), abs=0.01)
    assert decision["probability_low"] <= decision["probability"] <= decision["probability_high"]


def test_the_line_that_readme_asks_for_is_the_young_one_of_the_demo(readme: str, tmp_path: Path) -> None:
    for name in ("call_records", "accounts"):
        (tmp_path / name).mkdir()
    story = write_story(tmp_path, as_of=AS_OF, seed=SEED)
    assert set(re.findall(r'"line_id": "(\w+)"', readme)) == {story.young.line_id}
