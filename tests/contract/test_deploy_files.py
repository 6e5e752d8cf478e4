"""The files of `deploy/`: valid by their schemas and tools, consistent with each other and with the service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema

from linerisk.decisions.log import DecisionLog

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PORT = 3000
KUBERNETES = ("1.29", "1.37")
"""Oldest and newest Kubernetes version to check the manifests against."""
EXPOSURE = 20
"""Upper limit of `systemd-analyze security`, in tenths: 100 is a unit without hardening."""


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict[str, Any]]:
    """Kubernetes manifests by kind."""
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "linerisk.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile: (name, arguments), continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line and not line.startswith("#")]


# --- Kubernetes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_manifest_is_valid_by_the_schema_of_kubernetes(
    manifests: dict[str, dict[str, Any]], version: str
) -> None:
    assert set(manifests) == {"Service", "StatefulSet", "PodDisruptionBudget"}
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("damage", [{"replicas": "one"}, {"replica": 1}], ids=["wrong type", "unknown field"])
def test_a_damaged_manifest_is_invalid(manifests: dict[str, dict[str, Any]], damage: dict[str, Any]) -> None:
    stateful = manifests["StatefulSet"]
    damaged = {**stateful, "spec": {**stateful["spec"], **damage}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(damaged, KUBERNETES[-1], strict=True)


def test_service_and_disruption_budget_select_the_pod(manifests: dict[str, dict[str, Any]]) -> None:
    labels = manifests["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert manifests["Service"]["spec"]["selector"] == labels
    assert manifests["StatefulSet"]["spec"]["selector"]["matchLabels"] == labels
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_one_home_has_one_replica(manifests: dict[str, dict[str, Any]]) -> None:
    assert manifests["StatefulSet"]["spec"]["replicas"] == 1


def test_the_pod_is_probed_limited_and_without_privileges(manifests: dict[str, dict[str, Any]]) -> None:
    pod = manifests["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    paths = {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")}
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert set(container["resources"]) == {"requests", "limits"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_every_value_in_the_environment_of_the_pod_is_a_reference_to_a_secret(
    manifests: dict[str, dict[str, Any]],
) -> None:
    (container,) = manifests["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    assert [entry["name"] for entry in container["env"]] == ["LINERISK_DECISION_LOG", "LINERISK_ID_KEY"]
    assert all("secretKeyRef" in entry["valueFrom"] for entry in container["env"])


# --- Compose -------------------------------------------------------------------------------------------------------


def test_the_compose_file_is_valid_by_its_schema(compose: dict[str, Any]) -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    jsonschema.validate(compose, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**compose, "servces": {}}, schema)


def test_every_file_that_compose_names_exists(compose: dict[str, Any]) -> None:
    build = compose["services"]["linerisk"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    mounts = [volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(compose["volumes"])
    assert all((DEPLOY / mount).exists() for mount in mounts if mount.startswith("."))


def test_compose_takes_passwords_from_the_environment_and_fails_without(compose: dict[str, Any]) -> None:
    values = [
        value
        for service in compose["services"].values()
        for name, value in service.get("environment", {}).items()
        if "PASSWORD" in name or "://" in value
    ]
    assert len(values) == 3
    assert all(re.search(r"\$\{[A-Z_]+:\?[^}]+\}", value) for value in values)
    required = set(re.findall(r"\$\{([A-Z_]+):\?", " ".join(values)))
    given = re.findall(r"^([A-Z_]+)=$", (DEPLOY / "env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert required == set(given)
    assert "deploy/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_compose_publishes_ports_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_script_creates_an_owner_without_superuser_rights_and_a_usable_database(
    postgresql: Any, tmp_path: Path
) -> None:
    environment = {
        "PATH": f"{postgresql.bin_path}:/usr/bin:/bin",
        "LINERISK_DB_PASSWORD": "o'quoted",
        "PGHOST": re.search(r"host=([^&]+)", postgresql.get_uri())[1],  # type: ignore[index]
        "HOME": str(tmp_path),
    }
    ran = subprocess.run(
        [DEPLOY / "postgres" / "roles.sh"], env=environment, capture_output=True, check=False, text=True
    )
    assert ran.returncode == 0, ran.stderr
    try:
        superuser = postgresql.psql("SELECT rolsuper FROM pg_roles WHERE rolname = 'linerisk'")
        assert superuser.split()[2] == "f"
        with DecisionLog(postgresql.get_uri("linerisk").replace("//postgres:", "//linerisk:")) as log:
            assert log.verify().ok
    finally:
        postgresql.psql("DROP DATABASE linerisk WITH (FORCE)")
        postgresql.psql("DROP ROLE linerisk")


# --- Dockerfile ----------------------------------------------------------------------------------------------------


def test_the_image_is_built_in_two_stages_and_runs_as_a_user_without_rights(dockerfile: list[tuple[str, str]]) -> None:
    names = [name for name, _ in dockerfile]
    assert names.count("FROM") == 2
    assert dockerfile[names.index("USER")][1] == "10001:10001"
    assert "RUN" not in names[names.index("USER") :]
    assert ("COPY", "--from=build /opt/linerisk /opt/linerisk") in dockerfile


def test_the_image_holds_no_setting_that_could_be_a_secret(dockerfile: list[tuple[str, str]]) -> None:
    assert not [name for name, _ in dockerfile if name == "ARG"]
    settings = [name for entry, text in dockerfile if entry == "ENV" for name in re.findall(r"(\w+)=", text)]
    assert settings == ["PATH", "HOME", "LINERISK_HOME"]


def test_the_build_context_holds_only_listed_files() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    seen = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert all((ROOT / name).exists() for name in seen)
    copied = re.search(r"^cp -R (.+) \"\$folder\"$", (DEPLOY / "build.sh").read_text(encoding="utf-8"), re.MULTILINE)
    assert copied is not None
    assert {*copied[1].split(), "deploy/build.sh"} == set(seen)


def test_image_compose_kubernetes_and_prometheus_agree_on_port_home_and_user(
    dockerfile: list[tuple[str, str]], compose: dict[str, Any], manifests: dict[str, dict[str, Any]]
) -> None:
    instructions = dict(dockerfile)
    pod = manifests["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == json.loads(instructions["CMD"])
    assert instructions["EXPOSE"] == str(PORT) == json.loads(instructions["CMD"])[-1]
    assert container["ports"][0]["containerPort"] == manifests["Service"]["spec"]["ports"][0]["port"] == PORT
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert scraped["scrape_configs"][0]["static_configs"][0]["targets"] == [f"linerisk:{PORT}"]
    home = instructions["VOLUME"]
    assert f"LINERISK_HOME={home}" in instructions["ENV"]
    assert f"home:{home}" in compose["services"]["linerisk"]["volumes"]
    assert {"name": "home", "mountPath": home} in container["volumeMounts"]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10001
    assert container["image"] == compose["services"]["linerisk"]["image"]


# --- Prometheus ----------------------------------------------------------------------------------------------------


def test_every_alert_uses_metrics_of_the_service(alerts: list[dict[str, Any]]) -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for room in ("web", "service")
        for path in sorted((ROOT / "src" / "linerisk" / room).rglob("*.py"))
    )
    known = set(re.findall(r'"(linerisk_[a-z_]+)"', source))
    used = {name for rule in alerts for name in re.findall(r"linerisk_[a-z_]+", rule["expr"])}
    assert used
    assert {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in used} <= known


def test_every_alert_has_a_severity_and_a_summary(alerts: list[dict[str, Any]]) -> None:
    assert all(rule["labels"]["severity"] in {"page", "ticket"} for rule in alerts)
    assert all(rule["annotations"]["summary"].endswith(".") for rule in alerts)


def test_rules_and_configuration_are_valid_and_alerts_fire_when_they_should(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("Debian's package `prometheus`, which has promtool, is not installed")
    shutil.copytree(DEPLOY / "prometheus", tmp_path, dirs_exist_ok=True)
    shutil.copy(ROOT / "tests" / "data" / "prometheus" / "alerts_test.yml", tmp_path)
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
        ran = subprocess.run([promtool, *command], cwd=tmp_path, capture_output=True, check=False, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr


# --- systemd -------------------------------------------------------------------------------------------------------


def test_the_unit_is_valid_and_hardened(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    text = (DEPLOY / "systemd" / "linerisk.service").read_text(encoding="utf-8")
    program = "/opt/linerisk/.venv/bin/linerisk"
    assert text.count(program) == 1
    unit = tmp_path / "linerisk.service"
    unit.write_text(text.replace(program, str(Path(sys.executable).with_name("linerisk"))), encoding="utf-8")
    for command in (["verify", "--man=no"], ["security", "--offline=yes", f"--threshold={EXPOSURE}"]):
        environment = {**os.environ, "LC_ALL": "C"}
        ran = subprocess.run([analyze, *command, unit], capture_output=True, check=False, text=True, env=environment)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert command[0] != "verify" or ran.stderr == ""


def test_the_settings_in_the_environment_of_the_unit_exist() -> None:
    text = (DEPLOY / "systemd" / "linerisk.env").read_text(encoding="utf-8")
    settings = set(re.findall(r"^#?(LINERISK_[A-Z_]+)=", text, re.MULTILINE))
    source = (ROOT / "src" / "linerisk" / "settings.py").read_text(encoding="utf-8")
    known = {f"LINERISK_{name.upper()}" for name in re.findall(r"^    (\w+): .* = ", source, re.MULTILINE)}
    assert settings
    assert settings <= known
