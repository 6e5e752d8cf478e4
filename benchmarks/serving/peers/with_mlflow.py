"""MLflow: a model from code, for `mlflow models serve`. Takes `inputs` and `dataframe_split`.

Run as a script with a folder, it saves the model there.
"""

from __future__ import annotations

import sys
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel, PythonModelContext
from work import Work


class Scorer(PythonModel):
    """Scores lines."""

    def load_context(self, context: PythonModelContext) -> None:  # noqa: ARG002 - MLflow's signature
        """Load the model."""
        self.work = Work()

    def predict(self, context: PythonModelContext, model_input: Any, params: Any = None) -> list[dict[str, Any]]:  # noqa: ARG002
        """Score the lines of a frame or of a list of objects."""
        lines = model_input["line_id"] if hasattr(model_input, "columns") else [row["line_id"] for row in model_input]
        return [
            {"line_id": line, "probability": probability, "tier": tier}
            for line, probability, tier in self.work(list(lines))
        ]


mlflow.models.set_model(Scorer())

if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=__file__, pip_requirements=[])
