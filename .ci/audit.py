"""Software bill of materials and vulnerability audit of both locks: `make audit`.

Writes what `requirements.lock` pins, which is what a release runs, as a CycloneDX SBOM. Then asks an advisory source
about every pin of that lock and of `requirements-dev.lock`. Installs nothing and asks no package index. Exits with 1
on a known vulnerability that `.ci/accepted.toml` does not accept for now. Where no advisory source can be reached it
prints NOT AUDITED and exits with 0: a build without a network must not fail, and must not look audited either.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from pip_audit._service.osv import OsvService

from linerisk.as_of import now

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
SOURCE = os.environ.get("PIP_AUDIT_OSV_URL", OsvService.DEFAULT_OSV_URL)
"""OSV, or a mirror of it: the variable is pip-audit's own."""
REACHED_WITHIN_S = 10.0


@dataclass(frozen=True)
class Accepted:
    """A known vulnerability that a release may have until a day, and why."""

    id: str
    reason: str
    until: date


def main() -> int:
    """Write the SBOM, audit, print the findings."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--lock", type=Path, default=ROOT / "requirements.lock")
    arguments.add_argument("--dev-lock", type=Path, default=ROOT / "requirements-dev.lock")
    arguments.add_argument("--accepted", type=Path, default=ROOT / ".ci" / "accepted.toml")
    arguments.add_argument("--out", type=Path, default=ROOT / "build" / "sbom.cdx.json")
    given = arguments.parse_args()
    accepted = {each.id: each for each in _accepted(given.accepted)}
    print(f"{_write_sbom(given.lock, given.out)} components: {given.out}")
    why_not = _unreachable()
    if why_not is not None:
        print(f"NOT AUDITED: no advisory source could be reached ({why_not}).")
        return 0
    known, packages = _known(given.lock, given.dev_lock)
    bad = 0
    for package, vulnerability in known:
        verdict = _verdict(vulnerability, accepted)
        bad += verdict is not None
        names = ", ".join([vulnerability["id"], *vulnerability["aliases"]])
        print(
            f"{'FAILED' if verdict else 'accepted'}: {package}: {names}: {verdict or _reason(vulnerability, accepted)}"
        )
    print(f"{packages} packages audited, {len(known)} known vulnerabilities, {bad} of them not accepted.")
    return 1 if bad else 0


def _accepted(path: Path) -> list[Accepted]:
    """Vulnerabilities that are accepted until a date. Exits on an entry that lacks a reason or a date."""
    found = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("accepted", []):
        if set(entry) != {"id", "reason", "until"} or not entry["reason"].strip() or type(entry["until"]) is not date:
            sys.exit(f"{path}: an entry needs id, a reason and a date `until`, and nothing else: {entry}")
        found.append(Accepted(**entry))
    return found


def _write_sbom(lock: Path, out: Path) -> int:
    """Write the SBOM; returns how many components it names."""
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [BIN / "cyclonedx-py", "requirements", lock, "--pyproject", ROOT / "pyproject.toml"]
    # One version of the tree gives one list. Which index a file came from is each machine's own business.
    command += ["--short-PURLs", "--output-reproducible", "--output-file", out]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    content = json.loads(out.read_text(encoding="utf-8"))
    for component in content["components"]:
        component.pop("externalReferences", None)
    out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return len(content["components"])


def _unreachable() -> str | None:
    """Why the advisory source cannot be asked; None if it answers."""
    query = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "0"}
    try:
        answer = httpx.post(SOURCE, json=query, timeout=REACHED_WITHIN_S, follow_redirects=False)
        answer.raise_for_status()
        answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return str(error).splitlines()[0] or type(error).__name__
    return None


def _known(*locks: Path) -> tuple[list[tuple[str, dict[str, Any]]], int]:
    """Known vulnerabilities of the pins with the package, and how many packages were asked about."""
    command = [BIN / "pip-audit", "--no-deps", "--disable-pip", "--require-hashes"]
    command += [part for lock in locks for part in ("--requirement", lock)]
    command += ["--vulnerability-service", "osv", "--osv-url", SOURCE, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, stdin=subprocess.DEVNULL)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        sys.exit(f"pip-audit failed:\n{done.stderr}")
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped:
        sys.exit(f"pip-audit left out: {', '.join(skipped)}")
    return [(f"{p['name']} {p['version']}", each) for p in packages for each in p["vulns"]], len(packages)


def _verdict(vulnerability: dict[str, Any], accepted: dict[str, Accepted]) -> str | None:
    """Why a release may not have it; None if it may."""
    found = _entry(vulnerability, accepted)
    if found is None:
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
        return f"{vulnerability.get('description', '')[:200]}; fixed in: {fixed}"
    return None if now().date() <= found.until else f"accepted until {found.until} only ({found.reason})"


def _reason(vulnerability: dict[str, Any], accepted: dict[str, Accepted]) -> str:
    found = _entry(vulnerability, accepted)
    return "" if found is None else f"until {found.until}: {found.reason}"


def _entry(vulnerability: dict[str, Any], accepted: dict[str, Accepted]) -> Accepted | None:
    names = [vulnerability["id"], *vulnerability["aliases"]]
    return next((accepted[name] for name in names if name in accepted), None)


if __name__ == "__main__":
    sys.exit(main())
