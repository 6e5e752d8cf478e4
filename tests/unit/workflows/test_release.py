"""Release: what is champion is live, if it is of the model that is served, on whose word, and until when."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest
from typer.testing import CliRunner

from linerisk.as_of import now, parse_instant
from linerisk.cli import app
from linerisk.evaluation.gates.run import Outcome
from linerisk.live import Live
from linerisk.settings import Settings
from linerisk.training.fit import Recipe
from linerisk.workflows.registries import registry_for
from linerisk.workflows.release import promote, rollback
from linerisk.workflows.train import train_table
from linerisk.workflows.training_result import Trained

REASON = "a <b>small</b> table for a drill; nothing is decided from it"
CLUELESS = Recipe(trees=1, leaves=2, feature_share=0.1, least_rows_in_leaf=780)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, small_table: Path) -> Settings:
    """A version of `linerisk` and one of `other`."""
    settings = Settings(home=tmp_path_factory.mktemp("release"))
    train(settings, small_table, "linerisk")
    train(settings, small_table, "other")
    return settings


def train(settings: Settings, table: Path, name: str, *, seed: int = 1) -> None:
    train_table(
        settings,
        table,
        label="y",
        id_column="line_id",
        trained_by="li",
        name=name,
        recipe=Recipe(trees=20, seed=seed),
    )


def train_fast(settings: Settings, table: Path, name: str, *, trees: int = 5) -> Trained:
    recipe = Recipe(trees=trees)
    return train_table(settings, table, label="y", id_column="line_id", trained_by="li", name=name, recipe=recipe)


def run_command(*words: str) -> str:
    answered = CliRunner().invoke(app, words, env={"NO_COLOR": "1", "TERM": "dumb"})
    assert answered.exit_code == 0, answered.output
    return re.sub(r"\s+", " ", answered.output)


def test_promotion_rollback_and_a_model_that_is_not_served(home: Settings, small_table: Path) -> None:
    first = promote(home, "1", by="li", approver="wang", reason="the first")
    live = Live.open(home.live).model_meta
    assert (live.name, live.version) == ("linerisk", "1")
    assert live.promotion is not None
    assert (live.promotion.by, live.promotion.approver, live.promotion.reason) == ("li", "wang", "the first")
    assert live.expires_at is not None
    assert timedelta(days=44) < live.expires_at - now() <= timedelta(days=45)

    promote(home, "1", by="li", approver="wang", name="other")
    assert Live.open(home.live).model_meta == live

    train(home, small_table, "linerisk", seed=2)
    promote(home, "2", by="li", approver="wang")
    back = rollback(home, by="chen", reason="a drill")
    live = Live.open(home.live).model_meta
    assert live.promotion is not None
    assert (live.version, live.promotion.what, live.promotion.approver) == ("1", "rolled back", "")
    assert back.expires_at == first.expires_at
    assert live.expires_at == parse_instant(str(first.expires_at))

    output = run_command("models", "--home", str(home.home))
    for words in ("rolled back", "a drill", "holds until", str(first.expires_at)[:10]):
        assert words in output
    output = run_command("promote", "2", "--approver", "wang", "--by", "li", "--home", str(home.home))
    assert "linerisk version 2 is champion and live; before: 1" in output
    assert "no measure starts by itself" in output
    output = run_command(
        "rollback", "--name", "linerisk", "--reason", "again", "--by", "chen", "--home", str(home.home)
    )
    assert "linerisk version 1 is champion and live again; before: 2" in output


def test_a_model_without_an_impact_assessment_is_not_promoted(
    small_table: Path, tmp_path: Path, home: Settings
) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    for file in home.policies.glob("*.toml"):
        (policies / file.name).write_bytes(file.read_bytes())
    elsewhere = home.model_copy(update={"policies": policies, "home": tmp_path / "home"})
    answers: dict[str, dict[str, Any]] = {
        name: {gate.code: (gate.outcome, gate.finding) for gate in train_fast(elsewhere, small_table, name).gates}
        for name in ("linerisk", "other")
    }
    assert answers["linerisk"]["G016"] == (Outcome.FAILED, "../docs/impact-assessment.md cannot be read")
    assert "G016" in registry_for(elsewhere).version("1").failed
    assert answers["other"]["G016"][0] is Outcome.NOT_APPLICABLE
    # Its card does not name a document that does not cover it.
    assert registry_for(elsewhere, "other").load("1").card()["impact_assessment"] is None


def test_a_promotion_reports_an_unfinished_assessment(small_table: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    train_fast(settings, small_table, "linerisk", trees=20)
    output = run_command("promote", "1", "--approver", "wang", "--by", "li", "--home", str(tmp_path))
    assert "The impact assessment ../docs/impact-assessment.md: " in output
    assert "still marked *to confirm*: finish it before real lines are scored" in output


def test_the_artefact_declares_its_expiry_and_what_follows(home: Settings) -> None:
    card = registry_for(home).load("1").card()
    assert card["valid_days"] == 45
    assert "no measure starts by itself" in card["when_expired"]
    assert len(card["impact_assessment"]["sha256"]) == 64


def promote_clueless(home: Settings, small_table: Path, name: str) -> tuple[str, tuple[str, ...]]:
    """Train a model that learnt nothing and promote it; `deleted` loses its reports first. Output and failed gates."""
    trained = train_table(
        home, small_table, label="y", id_column="line_id", trained_by="li", name=name, recipe=CLUELESS
    )
    if name == "deleted":
        trained.report.unlink()
        trained.report.with_name(f"{name}-1.card.md").unlink()
        run = Path(unquote(urlparse(registry_for(home, name).get("1").source).path)).parent
        for file in ("report.html", "card.md"):
            (run / file).unlink()
    failed = registry_for(home, name).version("1").failed
    assert failed
    codes = [word for code in failed for word in ("--override", code)]
    words = ("promote", "1", "--name", name, "--approver", "wang", "--by", "li", "--home", str(home.home))
    return run_command(*words, *codes, "--reason", REASON), failed


def test_an_override_is_printed_and_recorded(home: Settings, small_table: Path) -> None:
    output, failed = promote_clueless(home, small_table, "clueless")
    assert f"Overridden: {', '.join(failed)}" in output
    assert "Nothing is served from it" in output
    assert REASON.split(";", maxsplit=1)[0] in run_command("models", "--name", "clueless", "--home", str(home.home))


def test_an_override_is_on_card_and_report_in_the_home_and_in_the_registry(home: Settings, small_table: Path) -> None:
    _, failed = promote_clueless(home, small_table, "shown")
    registry = registry_for(home, "shown")
    cards = [(home.reports / "shown-1.card.md").read_text(encoding="utf-8"), registry.attachment("1", "card.md")]
    pages = [(home.reports / "shown-1.html").read_text(encoding="utf-8"), registry.attachment("1", "report.html")]
    reason = "a &lt;b&gt;small&lt;/b&gt; table for a drill; nothing is decided from it"
    for code in failed:
        for card in cards:
            assert f"- {code} was overridden by li and wang: {REASON}\n" in card
            assert card.count("## Overrides\n") == 1
        for page in pages:
            assert page.count(f"<li>{code} was overridden by li and wang: {reason}</li>") == 2
            assert "<b>small" not in page
    assert not [text for text in (*cards, *pages) if "no gate was overridden" in text]


def test_deleted_reports_do_not_block_a_promotion_and_are_not_recreated(home: Settings, small_table: Path) -> None:
    output, _ = promote_clueless(home, small_table, "deleted")
    assert "deleted version 1 is champion" in output
    assert registry_for(home, "deleted").champion().version == "1"
    assert not (home.reports / "deleted-1.html").exists()
    assert not registry_for(home, "deleted").rewrite("1", "card.md", str.upper)


def test_no_path_of_this_machine_is_in_the_artefact(tmp_path: Path, small_table: Path, home: Settings) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    for file in home.policies.glob("*.toml"):
        text = file.read_text(encoding="utf-8")
        (policies / file.name).write_text(
            text.replace("../docs/impact-assessment.md", str(tmp_path / "law" / "dpia.md")), encoding="utf-8"
        )
    (tmp_path / "law").mkdir()
    assessment = (home.policies / "../docs/impact-assessment.md").read_bytes()
    (tmp_path / "law" / "dpia.md").write_bytes(assessment)
    elsewhere = home.model_copy(update={"policies": policies, "home": tmp_path / "home"})
    trained = train_fast(elsewhere, small_table, "linerisk")
    (found,) = [gate.finding for gate in trained.gates if gate.code == "G016"]
    assert found.startswith("dpia.md, SHA-256 ")
    kept = (registry_for(elsewhere).folder("1") / "model.json").read_text(encoding="utf-8")
    for place in (str(tmp_path), str(small_table.parent), str(home.home)):
        assert place not in kept


def test_registry_report_and_card_agree_on_a_version(home: Settings) -> None:
    registry = registry_for(home)
    text = registry.get("1").description
    card = registry.attachment("1", "card.md")
    tables = [line for line in card.splitlines() if line.startswith(("| tier |", "| medium_", "| G0"))]
    assert len(tables) > 16
    assert all(line in text for line in tables)
    assert "Holds for 45 days from its promotion." in text
    assert "linerisk train --table" in text.splitlines()[-1]
