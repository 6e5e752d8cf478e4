"""What README and manual tell people to type exists, and what they show looks as it does."""

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
LONGEST_README = 130


@pytest.fixture(scope="module")
def readme(documents: dict[str, str]) -> str:
    return documents["README.md"]


@pytest.fixture(scope="module")
def shown(readme: str) -> dict[str, Any]:
    """The answer that README shows."""
    answer: dict[str, Any] = json.loads(readme.split("```json\n")[1].split("```", maxsplit=1)[0])
    return answer


def test_readme_is_short(readme: str) -> None:
    assert len(readme.splitlines()) <= LONGEST_README


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


def test_the_answer_shown_has_the_fields_of_a_real_one(shown: dict[str, Any]) -> None:
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
    assert set(shown) == {"request_id", "decisions", "problems"}
    (decision,) = shown["decisions"]
    assert list(decision) == list(real)
    for name in ("action", "model"):
        assert set(decision[name]) == set(real[name])
    assert set(decision["reasons"][0]) == set(real["reasons"][0])


def test_the_log_odds_shown_sum_to_the_probability_shown(shown: dict[str, Any]) -> None:
    (decision,) = shown["decisions"]
    log_odds = decision["base"] + decision["calibration"] + sum(decision["contributions"].values())
    assert log_odds == pytest.approx(math.log(decision["probability"] / (1 - decision["probability"])), abs=0.01)
    assert decision["probability_low"] <= decision["probability"] <= decision["probability_high"]


def test_the_line_that_readme_asks_for_is_the_young_one_of_the_demo(readme: str, tmp_path: Path) -> None:
    for name in ("call_records", "accounts"):
        (tmp_path / name).mkdir()
    story = write_story(tmp_path, as_of=AS_OF, seed=SEED)
    assert set(re.findall(r'"line_id": "(\w+)"', readme)) == {story.young.line_id}
