"""Logs one MLflow run per training: parameters, metrics, artefact and report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linerisk.as_of import now
from linerisk.registry.packaging import add_packaging
from linerisk.registry.tracking import Metric, MlflowClient, Param

_ARTEFACT = "model"
NOTE = "mlflow.note.content"
"""Tag that MLflow shows as the description of a run."""
_MOST_AT_ONCE = 100
"""Params that MLflow takes in one call; metrics may be more."""


LONGEST_PAGE = 5_000
"""Characters of a description: where some databases end it."""


@dataclass(frozen=True, slots=True)
class Described:
    """Name and description of a run and its version in MLflow.

    Attributes:
        name: Name of the run.
        text: Markdown.
    """

    name: str
    text: str


def log_run(
    client: MlflowClient,
    experiment_id: str,
    *,
    artefact: Path,
    attachments: Path,
    params: Mapping[str, Any],
    figures: Mapping[str, float],
    tags: Mapping[str, str],
    described: Described,
) -> tuple[str, str]:
    """Log a run; on any failure it ends as failed.

    Args:
        client: Where to.
        experiment_id: Of the experiment.
        artefact: Folder of the model; MLflow's own files are added to it.
        attachments: Folder of what is kept beside it.
        params: How it was made.
        figures: What was measured; those that are not finite are left out.
        tags: Where it came from.
        described: How it is called.

    Returns:
        Id of the run, and the URI of the artefact.
    """
    run = client.create_run(experiment_id, tags={**tags, NOTE: as_page(described.text)}, run_name=described.name)
    run_id: str = run.info.run_id
    try:
        add_packaging(artefact)
        at = int(now().timestamp() * 1000)
        metrics = [Metric(key, figure, at, 0) for key, figure in figures.items() if math.isfinite(figure)]
        content = [Param(key, str(param)) for key, param in params.items()]
        client.log_batch(run_id, metrics=metrics, params=content[:_MOST_AT_ONCE])
        client.log_artifacts(run_id, str(artefact), _ARTEFACT)
        client.log_artifacts(run_id, str(attachments))
        client.set_terminated(run_id, "FINISHED")
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    return run_id, f"{run.info.artifact_uri}/{_ARTEFACT}"


def description_of_first_version(page: str, beginning: str, words: str) -> str:
    r"""Put a paragraph first on a page, replacing one with the same beginning.

    >>> description_of_first_version("**Old:** a\n\nrest", "**Old", "**Old:** b")
    '**Old:** b\n\nrest'

    Args:
        page: The present text.
        beginning: How the paragraph begins.
        words: The paragraph; empty takes the old one out.
    """
    rest = [part for part in page.split("\n\n") if not part.startswith(beginning)]
    return as_page("\n\n".join([words, *rest] if words else rest))


def as_page(text: str) -> str:
    """The beginning of a text, as much as a description holds."""
    return text[:LONGEST_PAGE]
