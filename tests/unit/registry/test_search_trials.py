"""Every trial of a tuning is a child run of the training run that it led to."""

from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient

from linerisk.registry import Registry, Version
from linerisk.registry.search_trials import TrialRun, log_trials


def test_trials_are_child_runs_with_parameters_and_metrics(
    folder: Path, open_registry: Callable[[str], Registry], register: Callable[..., Version]
) -> None:
    version = register(open_registry("tuned"))
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    trials = [
        TrialRun("trial 0", {"leaves": 15}, {"log_loss": 0.5}, {"pruned": "false", "chosen": "true"}, seconds=2.0),
        TrialRun("trial 1", {"leaves": 7}, {"log_loss": 0.6}, {"pruned": "true", "chosen": "false"}, seconds=1.0),
    ]
    log_trials(uri, parent=version.run_id, trials=trials)
    client = MlflowClient(tracking_uri=uri)
    parent = client.get_run(version.run_id)
    children = client.search_runs(
        [parent.info.experiment_id],
        f"tags.mlflow.parentRunId = '{version.run_id}'",
        order_by=["attributes.start_time"],
    )
    assert [child.info.run_name for child in children] == ["trial 0", "trial 1"]
    assert [child.data.params["leaves"] for child in children] == ["15", "7"]
    assert [child.data.metrics["log_loss"] for child in children] == [0.5, 0.6]
    assert [child.data.tags["chosen"] for child in children] == ["true", "false"]
    assert {child.info.status for child in children} == {"FINISHED"}
    assert [child.info.end_time - child.info.start_time for child in children] == [2_000, 1_000]
    assert children[-1].info.end_time == parent.info.start_time
