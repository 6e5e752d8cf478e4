"""MLflow's own pages and tools: runs with names and grouped figures; models that `pyfunc` loads without a pickle."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from linerisk.model.risk_model import RiskModel
from linerisk.registry import Registry, Version

Open = Callable[[str], Registry]
Register = Callable[..., Version]

LOADED = """
import json, sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
rows = json.load(open(sys.argv[3]))
scored = model.predict([dict(zip(("a", "b"), row)) for row in rows])
signature = model.metadata.signature
print(json.dumps({
    "probability": scored.tolist(),
    "inputs": signature.inputs.input_names(),
    "outputs": [output.name for output in signature.outputs],
    "example": model.predict(model.input_example).tolist(),
}))
"""


def test_pyfunc_in_a_fresh_process_gives_the_same_probabilities(
    open_registry: Open, register: Register, model: RiskModel, folder: Path, tmp_path: Path
) -> None:
    register(open_registry("pyfunc"))
    rows = np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32)
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows.tolist()))
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    ended = subprocess.run(
        [sys.executable, "-c", LOADED, uri, "models:/pyfunc/1", str(file)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["probability"] == model.probability(model.margin(rows)).tolist()
    assert (result["inputs"], result["outputs"]) == (["a", "b"], ["probability"])
    typical = np.array([[0.0, 0.0]], dtype=np.float32)
    assert result["example"] == model.probability(model.margin(typical)).tolist()


@pytest.fixture(scope="module")
def registry(open_registry: Open, register: Register) -> Registry:
    registry = open_registry("shown")
    register(
        registry, gates="failed", failed=("G001",), **{"ranking/auc": 0.9, "archetypes/courier": 0.1, "odd": np.nan}
    )
    return registry


def test_no_file_of_a_version_is_a_pickle_and_the_loader_is_code(registry: Registry) -> None:
    folder = registry.folder("1")
    assert {file.name for file in folder.iterdir()} == {
        *("trees.txt", "model.json", "checksums.json"),
        *("MLmodel", "input_example.json", "serving_input_example.json"),
        *("conda.yaml", "python_env.yaml", "requirements.txt"),
    }
    manifest = (folder / "MLmodel").read_text(encoding="utf-8")
    assert "loader_module: linerisk.registry.pyfunc" in manifest
    assert "pickle" not in manifest
    assert "pickle" not in (folder / "requirements.txt").read_text(encoding="utf-8")


def test_a_run_has_a_name_a_description_and_the_data_it_was_tested_on(registry: Registry) -> None:
    run = registry.client.get_run(registry.version("1").run_id)
    assert run.info.run_name == "shown, seed 1"
    assert run.data.tags["mlflow.note.content"] == "Tested on **400** lines."
    assert (run.data.tags["trained_by"], run.data.tags["failed_gates"]) == ("li", "G001")
    assert run.info.status == "FINISHED"


def test_figures_are_grouped_in_mlflow_and_flat_in_a_version(registry: Registry) -> None:
    version = registry.version("1")
    logged = registry.client.get_run(version.run_id).data.metrics
    assert logged == {"average_precision": 0.6, "ranking/auc": 0.9, "archetypes/courier": 0.1}
    assert version.figures == {"average_precision": 0.6, "auc": 0.9, "archetypes/courier": 0.1}


def test_the_registered_model_has_a_description(registry: Registry) -> None:
    about = registry.client.get_registered_model("shown").description
    assert "`champion`" in about
