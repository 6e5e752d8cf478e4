"""The story of July 2024: two lines make the same calls; one is 26 days old, one nearly nine years.

Everything is real: records through intake, features, the learnt model with its cut points, the service over HTTP. No
rule says that the young line is extremely high and the old one medium-to-high: the model has to have learnt it.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from linerisk.as_of import iso
from linerisk.cli.demo import running_service
from linerisk.features.build import build_store
from linerisk.tables.identity import key_of_id, load_secret
from linerisk.tables.store import RecordStore
from linerisk.web.token_store import Role, TokenStore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers(operator: Any) -> dict[str, Any]:
    """The service's decisions on the three lines, by name."""
    secret = TokenStore(operator.settings.tokens).create("story", Role.SCORER)
    lines = {name: getattr(operator.story, name).line_id for name in ("young", "old", "ordinary")}
    with running_service(operator.settings, log=operator.settings.home / "service.log") as client:
        answer = client.post(
            "/v1/score",
            headers={"Authorization": f"Bearer {secret}"},
            json={
                "request_id": "story",
                "as_of": iso(operator.as_of),
                "lines": [{"line_id": line_id} for line_id in lines.values()],
            },
        )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["problems"] == []
    by_id = {decision["line_id"]: decision for decision in body["decisions"]}
    return {name: by_id[line_id] for name, line_id in lines.items()}


def test_both_lines_made_the_same_calls(operator: Any) -> None:
    features = build_store(
        RecordStore.open(operator.store), as_of=operator.as_of, time_zone=operator.settings.time_zone
    )
    secret = load_secret(operator.settings)
    young, old = (
        features.filter(pl.col("line_key") == key_of_id(line.line_id, secret=secret)).row(0, named=True)
        for line in (operator.story.young, operator.story.old)
    )
    assert young["tenure_days"] == 26
    assert 3_200 < old["tenure_days"] < 3_260
    assert young["out_calls_count_7d"] > 150
    assert old["out_calls_count_7d"] == pytest.approx(young["out_calls_count_7d"], rel=0.1)
    assert old["out_of_town_share_7d"] == pytest.approx(young["out_of_town_share_7d"], abs=0.1)


def test_the_young_line_is_extremely_high(answers: dict[str, Any]) -> None:
    assert answers["young"]["tier"] == "extremely_high"


def test_the_old_line_is_medium_high(answers: dict[str, Any]) -> None:
    assert answers["old"]["tier"] == "medium_high"


def test_an_ordinary_line_is_normal_and_needs_no_action(answers: dict[str, Any]) -> None:
    assert answers["ordinary"]["tier"] == "normal"
    assert answers["ordinary"]["action"]["kind"] == "none"
    assert answers["ordinary"]["action"]["steps"] == []


def test_required_actions_follow_the_policy_in_force_without_social_insurance(answers: dict[str, Any]) -> None:
    for name in ("young", "old"):
        action = answers[name]["action"]
        assert action["policy"] == "shenzhen-2024-07-b"
        assert action["steps"] == ["business_hall_real_person", "guangdong_residence_code"]


def test_tenure_is_what_separates_them(answers: dict[str, Any]) -> None:
    young, old = answers["young"]["contributions"], answers["old"]["contributions"]
    differences = {family: young[family] - old[family] for family in young}
    assert young["tenure"] > 0 > old["tenure"]
    assert max(differences, key=lambda family: differences[family]) == "tenure"
    assert differences["tenure"] > 0.25 * sum(differences.values())


def test_the_reasons_name_the_out_of_town_calls_and_the_age(answers: dict[str, Any]) -> None:
    young = {reason["family"]: reason for reason in answers["young"]["reasons"]}
    assert "号码开通至今26天" in answers["young"]["reasons"][0]["zh"]
    assert young["places"]["code"] == "A02"
    assert "非归属地" in young["places"]["zh"]
    old = {reason["family"]: reason for reason in answers["old"]["reasons"]}
    assert old["tenure"]["direction"] == "lowers"
    assert old["tenure"]["code"] == "B01"
