"""A registered model as an MLflow pyfunc, loaded from the same text and JSON, without a pickle.

`mlflow.pyfunc.load_model("models:/linerisk/1")` calls `_load_pyfunc`; what comes back predicts P(fraud).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from linerisk.model.risk_model import Floats, RiskModel


class Probabilities:
    """A model that predicts P(fraud) for the rows of a table.

    Args:
        model: The model.
    """

    def __init__(self, model: RiskModel) -> None:
        self.model = model

    def predict(self, model_input: Any, params: Any = None) -> Floats:  # noqa: ARG002 - MLflow passes it
        """Calibrated P(fraud), shape (n,).

        Args:
            model_input: The table that MLflow made of the input: the model's columns by name, in any order.
            params: Not used.
        """
        names = list(self.model.feature_names)
        rows = np.ascontiguousarray(np.asarray(model_input[names], dtype=np.float32))
        return self.model.probability(self.model.margin(rows))


def _load_pyfunc(path: str) -> Probabilities:
    return Probabilities(RiskModel.load(Path(path)))
