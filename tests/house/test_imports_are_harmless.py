"""Every module imports without side effects, and light modules do not load heavy libraries."""

import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "linerisk"

EXEMPT = {
    "linerisk.__main__": "runs the command line, which is what it is for",
    "linerisk.decisions.migrations.env": "Alembic runs it inside a migration; outside there is no context to ask",
}

IMPORT_ALL = """
import importlib, os, sys, threading
for name in sys.argv[1:]:
    importlib.import_module(name)
print("FILES", sorted(os.listdir(".")))
print("THREADS", sorted(t.name for t in threading.enumerate() if not t.daemon))
"""
LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(sorted({"mlflow", "bentoml", "lightgbm", "polars", "sklearn", "altair"} & set(sys.modules)))
"""


def _modules() -> list[str]:
    paths = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


def _python(code: str, *arguments: str, cwd: Path) -> str:
    command = [sys.executable, "-W", "error::ImportWarning", "-c", code, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_importing_everything_prints_nothing_writes_nothing_and_leaves_no_thread(tmp_path: Path) -> None:
    checked = [name for name in _modules() if name not in EXEMPT]
    assert _python(IMPORT_ALL, *checked, cwd=tmp_path) == "FILES []\nTHREADS ['MainThread']\n"


def test_exempt_modules_exist() -> None:
    assert set(EXEMPT) <= set(_modules())


def test_the_command_line_answers_help_without_the_libraries_of_models(tmp_path: Path) -> None:
    assert _python(LOADED, "linerisk.cli", cwd=tmp_path) == "[]\n"


def test_serving_loads_no_mlflow(tmp_path: Path) -> None:
    assert "mlflow" not in _python(LOADED, "linerisk.web.state", cwd=tmp_path)
    assert "bentoml" not in _python(LOADED, "linerisk.service.api", cwd=tmp_path)


def test_features_load_no_model(tmp_path: Path) -> None:
    assert _python(LOADED, "linerisk.features.catalogue", cwd=tmp_path) == "['polars']\n"
