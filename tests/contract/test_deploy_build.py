"""The image without a container engine: the test runs the commands of the Dockerfile in clean folders."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
STARTS_WITHIN_S = 120
IMPORT_ALL = """
import importlib, pkgutil, linerisk, mlflow.pyfunc
for module in pkgutil.walk_packages(linerisk.__path__, "linerisk."):
    if module.name != "linerisk.__main__" and not module.name.endswith("migrations.env"):  # importing runs code
        importlib.import_module(module.name)
"""
NO_NETWORK = re.compile("name resolution|NewConnectionError|Network is unreachable|Connection refused")


def _instruction(name: str) -> str:
    """The last instruction of this name."""
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)[-1]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of `RUN` of the build stage on the build context."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("opt") / "linerisk"
    ignore = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    for name in re.findall(r"^!(.+)$", ignore, re.MULTILINE):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(ROOT / name, source / name)
    command = re.findall(r"^RUN (.+build\.sh.+)$", DOCKERFILE, re.MULTILINE)[0]
    command = command.replace("/source", str(source)).replace("/opt/linerisk", str(target))
    environment = {**os.environ, "PYTHON": str(Path(sys.base_prefix, "bin", "python3.11"))}
    built = subprocess.run(command, shell=True, env=environment, capture_output=True, check=False, text=True)  # noqa: S602
    if built.returncode and NO_NETWORK.search(built.stderr):
        pytest.skip("packages cannot be downloaded here")
    assert built.returncode == 0, built.stderr
    return target


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "of-an-older-version").touch()
    refused = subprocess.run(
        ["sh", ROOT / "deploy" / "build.sh", tmp_path], capture_output=True, check=False, text=True
    )
    assert refused.returncode == 2
    assert "is not empty" in refused.stderr


def test_the_build_holds_runtime_packages_and_no_development_packages(installed: Path) -> None:
    python = installed / ".venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "check"], check=True, capture_output=True)
    imported = subprocess.run([python, "-c", IMPORT_ALL], capture_output=True, check=False, text=True)
    assert imported.returncode == 0, imported.stderr
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], check=True, capture_output=True)
    names = {package["name"] for package in json.loads(listed.stdout)}
    assert not names & {"mlflow", "mypy", "playwright", "pytest", "ruff"}
    assert {path.name for path in installed.iterdir()} >= {"src", "policies", "requirements.lock"}
    # The service cannot write here, so every module of the package must be compiled.
    assert (installed / "src" / "linerisk" / "__pycache__").is_dir()


def test_the_command_of_the_image_becomes_ready_and_healthy_and_stops_cleanly(
    installed: Path, world: Any, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])

    def here(instruction: str) -> list[str]:
        return [word.replace("0.0.0.0", "127.0.0.1").replace("3000", port) for word in json.loads(instruction)]  # noqa: S104

    environment = {
        "PATH": f"{installed / '.venv' / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LINERISK_HOME": str(world.settings.home),
    }

    def healthy() -> bool:
        check = here(re.findall(r"CMD (.+)$", _instruction("HEALTHCHECK"))[0])
        return subprocess.run(check, env=environment, capture_output=True, check=False).returncode == 0

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False

    command = [*here(_instruction("ENTRYPOINT")), *here(_instruction("CMD"))]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [installed / ".venv" / "bin" / command[0], *command[1:]],
            env=environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + STARTS_WITHIN_S
            while not ready() and time.monotonic() < deadline:
                time.sleep(0.1)
            assert ready(), (tmp_path / "log").read_text(encoding="utf-8")
            assert healthy()
        finally:
            process.terminate()
        assert process.wait(timeout=45) == 0
    assert not healthy()
