"""Training on a small store by its command, in fresh processes: the same bytes, past trainings, tuning, and again."""

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from linerisk.cli import app
from linerisk.model.risk_model import RiskModel
from linerisk.records.simulation import simulate
from linerisk.settings import Settings
from linerisk.tables.intake import ingest
from linerisk.training.fit import Recipe
from linerisk.workflows.recipes import read_recipe
from linerisk.workflows.registries import registry_for

AS_OF = datetime(2024, 7, 26, tzinfo=UTC)
DAYS = 98


@dataclass(frozen=True)
class Run:
    """Output, JSON result and home of one `linerisk train`."""

    home: Path
    output: str
    result: dict[str, Any]

    def file(self, name: str) -> bytes:
        """A file of the artefact."""
        return (registry_for(Settings(home=self.home)).folder("1") / name).read_bytes()


def train(command: list[str], home: Path, *, hash_seed: str) -> Run:
    """Run the command in a fresh process with a home of its own."""
    done = subprocess.run(
        [sys.executable, "-m", *command, "--home", str(home), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": hash_seed},
    )
    assert done.returncode == 0, done.stderr
    return Run(home, done.stdout, json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("operator")
    start = (AS_OF - timedelta(days=DAYS)).date()
    simulate(folder / "source", lines=1_500, days=DAYS, seed=3, prevalence=0.07, start=start)
    ingest(folder / "source", folder / "store", secret=b"0" * 32)
    return folder / "store"


@pytest.fixture(scope="module")
def tuned(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Tuned for two seconds, for operation at another prevalence, with past trainings."""
    command = ["linerisk", "train", "--store", str(store), "--as-of", "2024-07-26", "--tune", "2s"]
    command += ["--prevalence", "0.02", "--rolling"]
    return train(command, tmp_path_factory.mktemp("tuned"), hash_seed="1")


@pytest.fixture(scope="module")
def again(tuned: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What the command makes that the first run printed."""
    return train(shlex.split(tuned.result["again"]), tmp_path_factory.mktemp("again"), hash_seed="2")


def test_the_command_that_a_run_prints_makes_the_same_bytes_in_a_fresh_process(tuned: Run, again: Run) -> None:
    assert again.result["fingerprint"] == tuned.result["fingerprint"] != ""
    for name in ("trees.txt", "model.json", "checksums.json"):
        assert again.file(name) == tuned.file(name)
    assert again.result["figures"] == tuned.result["figures"]


def test_the_loaded_models_of_both_runs_score_any_row_equally(tuned: Run, again: Run) -> None:
    first, second = (registry_for(Settings(home=run.home)).load("1") for run in (tuned, again))
    rows = np.random.default_rng(0).lognormal(size=(500, len(first.columns))).astype(np.float32)

    def answers(model: RiskModel) -> list[float]:
        margin = model.margin(rows)
        return [*margin.tolist(), *model.probability(margin).tolist(), *model.shap_values(rows).ravel().tolist()]

    assert answers(first) == answers(second)


def test_a_run_records_what_reproducing_it_needs(tuned: Run) -> None:
    output = " ".join(tuned.output.split())
    assert f"made again, byte for byte, by: {tuned.result['again']}" in output
    assert set(tuned.result["provenance"]) == {"model", "data", "commit", "lock"}
    for value in tuned.result["provenance"].values():
        assert value in output


def test_a_tuned_recipe_is_used_without_tuning_again(tuned: Run, again: Run) -> None:
    words = shlex.split(tuned.result["again"])
    assert "--tune" not in words
    assert again.result["tuning"] is None
    chosen = tuned.result["tuning"]["chosen"]
    # On so few lines two seconds may find no informative trial; then the default recipe is kept, with a notice.
    assert any("Tuning found nothing" in notice for notice in tuned.result["notices"]) == (chosen is None)
    used = read_recipe(Path(words[words.index("--recipe") + 1])) if "--recipe" in words else Recipe()
    found = Recipe().describe() if chosen is None else tuned.result["tuning"]["trials"][chosen]["recipe"]
    assert used.describe() == found


def test_every_trial_is_a_child_run_and_the_pareto_front_is_stored_as_json(tuned: Run) -> None:
    settings = Settings(home=tuned.home)
    registry = registry_for(settings)
    version = registry.version("1")
    client = MlflowClient(tracking_uri=settings.mlflow_uri)
    experiment = client.get_run(version.run_id).info.experiment_id
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{version.run_id}'")
    assert len(children) == len(tuned.result["tuning"]["trials"])
    chosen = tuned.result["tuning"]["chosen"]
    assert sum(child.data.tags["chosen"] == "true" for child in children) == (chosen is not None)
    kept = json.loads(registry.attachment("1", "tuning.json"))
    assert kept == tuned.result["tuning"]
    assert kept["chosen"] in [None, *(trial["number"] for trial in kept["trials"] if not trial["pruned"])]


def test_past_trainings_are_measured_with_intervals_and_logged(tuned: Run) -> None:
    (step,) = tuned.result["rolling"]["steps"]
    assert (step["trained_at"], step["outcomes_by"]) == ("2024-06-28T00:00:00Z", "2024-07-26T00:00:00Z")
    assert step["problem"] is None
    for measure in ("average_precision", "log_loss_skill", "predicted_over_observed"):
        # Two seconds of tuning on so few lines may end in trees that tell no lines apart: an interval of one point.
        assert step[measure]["low"] - 1e-9 <= step[measure]["value"] <= step[measure]["high"] + 1e-9
    assert 0 < step["fraud"] < step["lines"]
    logged = registry_for(Settings(home=tuned.home)).version("1").figures
    assert logged["rolling/rolling_average_precision_2024-06-28"] == pytest.approx(step["average_precision"]["value"])
    assert logged["rolling/rolling_steps"] == 1
    evaluation = json.loads(registry_for(Settings(home=tuned.home)).attachment("1", "evaluation.json"))
    assert evaluation["rolling"]["steps"] == tuned.result["rolling"]["steps"]
    assert "As trained at past instants" in tuned.output


def test_the_page_shows_the_search_and_the_past_trainings_and_so_do_the_artefacts(tuned: Run) -> None:
    registry = registry_for(Settings(home=tuned.home))
    page = Path(tuned.result["report"]).read_text(encoding="utf-8")
    assert registry.attachment("1", "plots/tuning_front.svg") in page
    # So short a store has one past training: a row of a table, and no plot.
    for heading in ("Recipe search", "Rolling evaluation"):
        assert f"<h2>{heading}</h2>" in page


def test_the_operating_prevalence_is_recorded_and_the_test_slice_has_it(tuned: Run) -> None:
    facts = json.loads(tuned.file("model.json"))["facts"]
    assert facts["prevalence"]["operation"] == 0.02
    assert facts["prevalence"]["log_odds_shift"] < 0
    assert tuned.result["figures"]["test_prevalence"] == pytest.approx(0.02, abs=0.002)
    assert "2.0000% are fraud, as in operation" in facts["split"]


def test_the_artefact_records_the_calibrator_choice_and_the_label_weights(tuned: Run) -> None:
    facts = json.loads(tuned.file("model.json"))["facts"]
    assert facts["calibration_choice"]["chosen"] in {"beta", "spline"}
    sources = facts["label_sources"]
    assert sources["complaint"]["fraud_weight"] < sources["police"]["fraud_weight"]
    assert sources["complaint"]["fraud_rows"] > 0
    assert sources["no_finding"]["legitimate_rows"] > 100


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--tune", "soon"], "this is not a duration"),
        (["--prevalence", "5"], "this is not a prevalence"),
        (["--recipe", "nowhere.json"], "the recipe cannot be read"),
        (["--time", "month"], "it is not clear what to train on"),
    ],
)
def test_invalid_options_are_refused_before_training_starts(tmp_path: Path, wrong: list[str], message: str) -> None:
    command = ["train", "--store", str(tmp_path / "nowhere"), "--as-of", "2024-07-26", "--home", str(tmp_path), *wrong]
    answered = CliRunner().invoke(app, command)
    assert answered.exit_code in {1, 2}
    assert message in answered.output
