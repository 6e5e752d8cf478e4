"""Logs trials of a recipe search as child runs of the training run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

_MILLISECONDS = 1_000


@dataclass(frozen=True, slots=True)
class TrialRun:
    """One trial as it is logged.

    Attributes:
        name: Name of the run.
        params: What was tried.
        figures: What was measured.
        tags: What became of it, such as `pruned` and `chosen`.
        seconds: How long it took.
    """

    name: str
    params: Mapping[str, Any]
    figures: Mapping[str, float]
    tags: Mapping[str, str]
    seconds: float


def log_trials(tracking_uri: str, *, parent: str, trials: Sequence[TrialRun]) -> None:
    """Log trials under a run.

    Args:
        tracking_uri: MLflow tracking URI.
        parent: Id of the training run.
        trials: In the order tried; each ends where the next begins, the last where the parent began.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        run = client.get_run(parent)
        begin = run.info.start_time - int(_MILLISECONDS * sum(trial.seconds for trial in trials))
        for trial in trials:
            end = begin + int(_MILLISECONDS * trial.seconds)
            tags = {MLFLOW_PARENT_RUN_ID: parent, MLFLOW_RUN_NAME: trial.name, **trial.tags}
            child = client.create_run(run.info.experiment_id, start_time=begin, tags=tags, run_name=trial.name)
            client.log_batch(
                child.info.run_id,
                metrics=[Metric(key, value, end, 0) for key, value in trial.figures.items()],
                params=[Param(key, str(value)) for key, value in trial.params.items()],
                tags=[RunTag(key, value) for key, value in tags.items()],
            )
            client.set_terminated(child.info.run_id, "FINISHED", end_time=end)
            begin = end
