"""Files that MLflow needs with an artefact: loader, signature, input example."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from shutil import copytree

import numpy as np

from linerisk.model.risk_model import RiskModel
from linerisk.registry.tracking import mlflow

_LOADER = "linerisk.registry.pyfunc"
_NEEDS = ("linerisk", "lightgbm", "numpy")


def add_packaging(artefact: Path) -> None:
    """Write MLflow's own files beside an artefact: the loader, the signature, an example of the input.

    The example is the line whose every column is typical of legitimate lines.

    Args:
        artefact: Folder of the artefact.

    Raises:
        ArtefactError: The artefact is damaged.
    """
    model = RiskModel.load(artefact)
    types = mlflow.types
    # Wider than the Float32 of the model, so that whatever a table has is taken without a complaint about width.
    inputs = types.Schema(
        [types.ColSpec(types.DataType.double, column.name, required=True) for column in model.columns]
    )
    outputs = types.Schema([types.TensorSpec(np.dtype(np.float64), (-1,), "probability")])
    with tempfile.TemporaryDirectory() as scratch:
        mlflow.pyfunc.save_model(
            str(Path(scratch, "packaging")),
            loader_module=_LOADER,
            signature=mlflow.models.ModelSignature(inputs=inputs, outputs=outputs),
            input_example=[{column.name: column.typical or 0.0 for column in model.columns}],
            pip_requirements=[*(f"{name}=={version(name)}" for name in _NEEDS), f"mlflow=={mlflow.__version__}"],
        )
        copytree(Path(scratch, "packaging"), artefact, dirs_exist_ok=True)
