"""Imports MLflow without telemetry and without its warnings."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from linerisk.errors import RegistryError

# Before the import: MLflow asks once, at import, whether it may report on its use.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Its own seven tries of a server that does not answer take more than three minutes for each question.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.exceptions import MlflowException

__all__ = ["Metric", "MlflowClient", "MlflowException", "ModelVersion", "Param", "mlflow", "quiet"]

for _noisy in ("mlflow", "alembic"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings that MLflow causes in other libraries.

    Raises:
        RegistryError: Its server does not answer.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except MlflowException as error:
            # MLflow says in prose alone that nobody answered; what it met on the way is an error of the network.
            if not isinstance(error.__context__, OSError):
                raise
            raise RegistryError(
                "the MLflow server does not answer",
                expected="an MLflow server at LINERISK_TRACKING_URI",
                found=type(error.__context__).__name__,
                todo="start the server, or mend LINERISK_TRACKING_URI, and give the command again",
            ) from error
