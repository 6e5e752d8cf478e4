"""Training again: against a champion, against one that cannot be loaded, and with the command that makes it again."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linerisk.cli import app
from linerisk.errors import InputError, RegistryError
from linerisk.evaluation.gates.run import Outcome
from linerisk.records.simulation import simulate
from linerisk.settings import Settings
from linerisk.tables.identity import SECRET_BYTES
from linerisk.tables.intake import ingest
from linerisk.training.fit import Recipe
from linerisk.training.from_table import SMALL_TABLE
from linerisk.workflows.compare import compare_versions
from linerisk.workflows.recipes import again_with, read_recipe
from linerisk.workflows.registries import registry_for
from linerisk.workflows.release import promote
from linerisk.workflows.train import train_table
from linerisk.workflows.training_result import Trained

QUICK = Recipe(trees=20)


def train(home: Path, table: Path, recipe: Recipe = QUICK, name: str = "linerisk") -> Trained:
    settings = Settings(home=home)
    return train_table(settings, table, label="y", id_column="line_id", trained_by="li", name=name, recipe=recipe)


def outcome(trained: Trained, code: str) -> tuple[Outcome, str]:
    return next((gate.outcome, gate.finding) for gate in trained.gates if gate.code == code)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, small_table: Path) -> Path:
    """One home, because making an MLflow store takes seconds, with a champion: version 1 of `linerisk`."""
    home = tmp_path_factory.mktemp("home")
    train(home, small_table)
    registry_for(Settings(home=home)).promote("1", by="li", approver="wang")
    return home


def test_a_challenger_is_compared_with_the_champion_on_the_same_lines(home: Path, small_table: Path) -> None:
    challenger = train(home, small_table, Recipe(trees=20, seed=2))
    assert outcome(challenger, "G009")[0] is Outcome.PASSED
    assert "against version 1" in outcome(challenger, "G009")[1]
    compared = compare_versions(Settings(home=home))
    assert compared.champion.version == "1"
    assert compared.challenger.version == challenger.version.version
    assert {gate.code: gate.outcome for gate in compared.gates} == {
        gate.code: gate.outcome for gate in challenger.gates
    }
    result = json.loads(json.dumps(compared.as_dict()))
    assert result["figures"]["average_precision"]["challenger"] == challenger.evaluation.average_precision.value


def test_a_comparison_states_whether_both_were_tested_on_the_same_lines(home: Path, small_table: Path) -> None:
    settings = Settings(home=home)
    train(home, small_table, Recipe(trees=21))
    same_lines = compare_versions(settings)
    train(home, small_table, Recipe(trees=20, seed=2))
    other_lines = compare_versions(settings)
    assert same_lines.tested == "Both models on the same test lines, with 95 % intervals."
    assert other_lines.tested.startswith("Each model on its own test slice")
    for compared in (same_lines, other_lines):
        assert compared.tested in html.unescape(compared.page.read_text(encoding="utf-8"))
        assert compared.as_dict()["tested"] == compared.tested
    output = CliRunner().invoke(app, ["compare", "--home", str(home)], env={"NO_COLOR": "1", "TERM": "dumb"}).output
    assert other_lines.tested in re.sub(r"\s+", " ", output)
    registry = registry_for(settings)
    for version in (other_lines.champion, other_lines.challenger):
        registry.client.delete_model_version_tag("linerisk", version.version, "tested_on")
    unknown = compare_versions(settings)
    assert unknown.champion.tested_on == unknown.challenger.tested_on == "unknown"
    assert unknown.tested == other_lines.tested
    for version in (other_lines.champion, other_lines.challenger):
        registry.client.set_model_version_tag("linerisk", version.version, "tested_on", version.tested_on)


def test_a_run_name_has_its_distinguishing_options(home: Path, small_table: Path) -> None:
    names = {}
    for what, recipe in (("usual", SMALL_TABLE), ("seed", replace(SMALL_TABLE, seed=7)), ("own", QUICK)):
        trained = train(home, small_table, recipe, name="named")
        run = registry_for(Settings(home=home), "named").client.get_run(trained.version.run_id)
        failed = len(trained.version.failed)
        gates = "gates passed" if not failed else "1 gate failed" if failed == 1 else f"{failed} gates failed"
        tail = f"AP {trained.evaluation.average_precision.value:.3f}, {gates}"
        names[what] = run.info.run_name.removesuffix(tail)
        assert run.info.run_name.endswith(tail)
    assert names == {
        "usual": "named from a table, ",
        "seed": "named from a table, seed 7, ",
        "own": "named from a table, own recipe, ",
    }


@pytest.mark.parametrize(
    "words",
    [("models",), ("compare",), ("rollback", "--reason", "a drill"), ("promote", "1", "--approver", "wang")],
    ids=" ".join,
)
def test_a_mistyped_home_is_refused_and_not_created(tmp_path: Path, words: tuple[str, ...]) -> None:
    typo = tmp_path / "typo"
    answered = CliRunner().invoke(app, [*words, "--home", str(typo)], env={"NO_COLOR": "1", "TERM": "dumb"})
    assert answered.exit_code == 1
    assert f"no folder {typo}" in re.sub(r"\s+", " ", answered.output)
    assert not typo.exists()
    typo.mkdir()
    answered = CliRunner().invoke(app, [*words, "--home", str(typo)], env={"NO_COLOR": "1", "TERM": "dumb"})
    assert f"{typo} without mlflow.db" in re.sub(r"\s+", " ", answered.output)
    assert list(typo.iterdir()) == []


def test_tier_flips_against_the_champion_are_stored_and_reported(home: Path, small_table: Path) -> None:
    challenger = train(home, small_table, Recipe(trees=20, seed=2, feature_share=1.0))
    compared = compare_versions(Settings(home=home))
    assert compared.notices == ()
    assert compared.flips is not None
    assert compared.flips.champion == "1"
    assert compared.flips.lines == challenger.evaluation.lines
    flips = compared.as_dict()["tier_flips"]
    assert sum(map(sum, flips["fraud"])) == challenger.evaluation.fraud
    assert "examples" not in flips
    page = compared.page.read_text(encoding="utf-8")
    assert compared.page.name == f"linerisk-{challenger.version.version}-against-1.html"
    assert f"Of {compared.flips.lines:,} lines that both models scored" in page
    assert "Lines that change tier" in challenger.report.read_text(encoding="utf-8")


def test_comparing_a_challenger_older_than_the_champion_names_the_command_for_tier_flips(
    tmp_path: Path, small_table: Path
) -> None:
    train(tmp_path, small_table)
    train(tmp_path, small_table, Recipe(trees=20, seed=2))
    registry_for(Settings(home=tmp_path)).promote("1", by="li", approver="wang")
    compared = compare_versions(Settings(home=tmp_path))
    assert compared.flips is None
    outdated, unknown = compared.notices
    assert "Give --store" in unknown
    assert outdated.startswith("The gates of version 2 were answered when there was no champion, not against version 1")
    page = compared.page.read_text(encoding="utf-8")
    assert "Give --store" in page
    assert outdated in html.unescape(page)


def test_a_challenger_older_than_the_champion_is_not_promoted_until_it_is_trained_again(
    tmp_path: Path, small_table: Path
) -> None:
    settings = Settings(home=tmp_path)
    for seed in (1, 2):
        train(tmp_path, small_table, Recipe(trees=20, seed=seed))
    promote(settings, "1", by="li", approver="wang")
    with pytest.raises(RegistryError, match="G009 answered against version 1, which is champion now"):
        promote(settings, "2", by="li", approver="wang")
    assert registry_for(settings).champion().version == "1"
    train(tmp_path, small_table, Recipe(trees=20, seed=2))
    assert promote(settings, "3", by="li", approver="wang").version == "3"


def test_a_gate_that_does_not_exist_cannot_be_overridden(home: Path) -> None:
    with pytest.raises(RegistryError) as refused:
        promote(Settings(home=home), "1", by="li", approver="wang", override=["G999"])
    assert (refused.value.expected, refused.value.found) == ("one of G001 to G016", "G999")


def test_another_store_than_that_of_the_training_is_refused(home: Path, small_table: Path, tmp_path: Path) -> None:
    train(home, small_table, Recipe(trees=20, seed=2))
    simulate(tmp_path / "source", lines=20, days=2, seed=1)
    ingest(tmp_path / "source", tmp_path / "store", secret=bytes(SECRET_BYTES))
    with pytest.raises(InputError, match="was not trained on this store"):
        compare_versions(Settings(home=home), store=tmp_path / "store")


def test_a_version_has_a_card_next_to_its_report_and_in_the_registry(home: Path, small_table: Path) -> None:
    trained = train(home, small_table, name="carded")
    card = trained.report.with_name("carded-1.card.md").read_text(encoding="utf-8")
    assert card.startswith("# Model card: carded, version 1\n")
    kept = registry_for(Settings(home=home), "carded").attachment("1", "card.md")
    assert kept.split("\n", 1)[1] == card.split("\n", 1)[1]


def test_a_challenger_that_learnt_nothing_fails_and_may_not_be_promoted(home: Path, small_table: Path) -> None:
    clueless = train(home, small_table, Recipe(trees=1, leaves=2, feature_share=0.1, least_rows_in_leaf=780))
    assert outcome(clueless, "G009")[0] is Outcome.FAILED
    with pytest.raises(RegistryError, match="may not be promoted"):
        registry_for(Settings(home=home)).promote(clueless.version.version, by="li", approver="wang")


def test_a_champion_that_is_damaged_fails_the_gate_closed(home: Path, small_table: Path) -> None:
    train(home, small_table, name="damaged")
    registry = registry_for(Settings(home=home), "damaged")
    registry.promote("1", by="li", approver="wang")
    (registry.folder("1") / "trees.txt").write_text("damaged")
    challenger = train(home, small_table, name="damaged")
    assert outcome(challenger, "G009") == (
        Outcome.FAILED,
        "the champion, version 1, cannot be loaded: trees.txt is damaged",
    )
    assert challenger.version.gates == "failed"


def test_two_trainings_give_the_same_artefact(home: Path, small_table: Path) -> None:
    first, second = (train(home, small_table, name="twice") for _ in range(2))
    assert first.model.fingerprint == second.model.fingerprint != ""
    registry = registry_for(Settings(home=home), "twice")
    for name in ("trees.txt", "model.json", "checksums.json"):
        assert (registry.folder("1") / name).read_bytes() == (registry.folder("2") / name).read_bytes()


def test_the_reproducing_command_names_model_and_recipe(home: Path, small_table: Path) -> None:
    trained = train(home, small_table, Recipe(trees=20, seed=7), name="mine")
    command = re.search(r"<pre>(.*)</pre>", trained.report.read_text(encoding="utf-8"))
    assert command is not None
    made, recipe = command[1].split(" --recipe ")
    assert made.endswith("small.parquet --label y --id line_id --name mine")
    assert read_recipe(Path(recipe)) == Recipe(trees=20, seed=7)
    assert trained.again == html.unescape(command[1])


def test_a_recipe_that_is_the_default_but_for_its_seed_needs_no_file(tmp_path: Path) -> None:
    assert again_with(tmp_path, SMALL_TABLE, default=SMALL_TABLE) == []
    assert again_with(tmp_path, replace(SMALL_TABLE, seed=7), default=SMALL_TABLE) == ["--seed", "7"]
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_named_after_its_table_and_progress_is_reported(home: Path, small_table: Path) -> None:
    reported: list[tuple[str, int, int]] = []
    trained = train_table(
        Settings(home=home),
        small_table,
        label="y",
        id_column="line_id",
        trained_by="li",
        recipe=QUICK,
        on_progress=lambda step, done, total: reported.append((step, done, total)),
    )
    assert (trained.version.name, trained.report.name) == ("small", "small-1.html")
    assert list(dict.fromkeys(step for step, _, _ in reported)) == [
        "cross-validation",
        "trees",
        "evaluation",
        "registry",
    ]
    assert reported[-1] == ("registry", 1, 1)
    assert list(trained.cross_validation) == ["all columns"]
    assert not [notice for notice in trained.notices if "Shortcut" in notice]


def test_nothing_is_registered_from_a_table_that_cannot_be_read(home: Path, small_table: Path) -> None:
    with pytest.raises(InputError):
        train_table(Settings(home=home), small_table, label="z", id_column=None, trained_by="li", name="unreadable")
    assert registry_for(Settings(home=home), "unreadable").versions() == ()


def test_without_a_challenger_there_is_nothing_to_compare(tmp_path: Path, small_table: Path) -> None:
    train(tmp_path, small_table)
    registry_for(Settings(home=tmp_path)).promote("1", by="li", approver="wang")
    with pytest.raises(RegistryError, match="nothing to compare"):
        compare_versions(Settings(home=tmp_path))
