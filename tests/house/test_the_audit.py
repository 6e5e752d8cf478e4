"""`make audit`: every pin is listed, a known vulnerability fails it, and what was not audited does not look audited."""

import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from linerisk.as_of import now

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
AUDIT = ROOT / ".ci" / "audit.py"
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", re.MULTILINE)
LOCK = f"harmless==1.0 --hash=sha256:{'0' * 64}\nholed==2.0 --hash=sha256:{'1' * 64}\n"
HOLE = {
    "id": "GHSA-0000-0000-0000",
    "aliases": ["CVE-2000-0001"],
    "summary": "it has a hole",
    "affected": [
        {
            "package": {"name": "holed", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


class _Advisories(http.server.BaseHTTPRequestHandler):
    """Knows one vulnerability, of `holed`."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"vulns": [HOLE]} if asked["package"]["name"] == "holed" else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def advisories() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        server.shutdown()
        thread.join()


@pytest.fixture
def audit(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the audit on a lock of its own."""

    def run(source: str, *, lock: str = LOCK, dev: str = "", accepted: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, AUDIT, "--out", tmp_path / "sbom.json"]
        for option, text in (("--lock", lock), ("--dev-lock", dev), ("--accepted", accepted)):
            file = tmp_path / option.lstrip("-")
            file.write_text(text, encoding="utf-8")
            command += [option, file]
        environment = {"PIP_AUDIT_OSV_URL": source, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        environment["PYTHONPATH"] = str(ROOT / "src")
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    return run


def accepting(*, until: str, reason: str = "never called", id: str = "CVE-2000-0001") -> str:  # noqa: A002  # its name
    return f'[[accepted]]\nid = "{id}"\nreason = "{reason}"\nuntil = {until}\n'


def day(offset: int) -> str:
    return (now().date() + timedelta(days=offset)).isoformat()


def test_every_pin_of_the_lock_is_listed_with_its_version(audit: Callable[..., Any], tmp_path: Path) -> None:
    whole = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    done = audit("http://127.0.0.1:9/", lock=whole)
    assert done.returncode == 0, done.stderr
    listed = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert (listed["bomFormat"], listed["metadata"]["component"]["name"]) == ("CycloneDX", "linerisk")
    pins = {(canonicalize_name(name), version) for name, version in PIN.findall(whole)}
    assert len(pins) > 130
    assert {(canonicalize_name(c["name"]), c["version"]) for c in listed["components"]} == pins


def test_without_a_source_it_says_that_nothing_was_audited_and_passes(audit: Callable[..., Any]) -> None:
    done = audit("http://127.0.0.1:9/v1/query")
    assert done.returncode == 0
    assert "NOT AUDITED: no advisory source could be reached" in done.stdout
    assert "packages audited" not in done.stdout


def test_a_known_vulnerability_fails_and_says_what_mends_it(audit: Callable[..., Any], advisories: str) -> None:
    done = audit(advisories)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED: holed 2.0: CVE-2000-0001, GHSA-0000-0000-0000: it has a hole; fixed in: 2.1" in done.stdout
    assert "2 packages audited, 1 known vulnerabilities, 1 of them not accepted." in done.stdout


def test_a_vulnerability_in_the_development_lock_fails_and_is_not_listed_as_shipped(
    audit: Callable[..., Any], advisories: str, tmp_path: Path
) -> None:
    harmless, holed = LOCK.splitlines()
    done = audit(advisories, lock=harmless, dev=holed)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 packages audited, 1 known vulnerabilities, 1 of them not accepted." in done.stdout
    shipped = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))["components"]
    assert [component["name"] for component in shipped] == ["harmless"]


def test_without_one_it_passes(audit: Callable[..., Any], advisories: str) -> None:
    done = audit(advisories, lock=LOCK.splitlines()[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 packages audited, 0 known vulnerabilities" in done.stdout


@pytest.mark.parametrize(("days", "code"), [(1, 0), (0, 0), (-1, 1)], ids=["before", "on the day", "after"])
def test_one_that_is_accepted_passes_until_its_day(
    audit: Callable[..., Any], advisories: str, days: int, code: int
) -> None:
    done = audit(advisories, accepted=accepting(until=day(days)))
    assert done.returncode == code, done.stdout + done.stderr
    assert f"until {day(days)}" in done.stdout
    assert "never called" in done.stdout


@pytest.mark.parametrize(
    "accepted",
    [
        accepting(until=day(1), reason=" "),
        accepting(until='"for ever"'),
        '[[accepted]]\nid = "CVE-2000-0001"\nreason = "x"\n',
        accepting(until=day(1)) + 'why = "x"\n',
    ],
    ids=["no reason", "no date", "no end", "unknown key"],
)
def test_nothing_is_accepted_without_a_reason_and_an_end(
    audit: Callable[..., Any], advisories: str, accepted: str
) -> None:
    done = audit(advisories, accepted=accepted)
    assert done.returncode == 1
    assert "an entry needs id, a reason and a date" in done.stderr


def test_another_vulnerability_than_the_accepted_one_fails(audit: Callable[..., Any], advisories: str) -> None:
    assert audit(advisories, accepted=accepting(until=day(1), id="CVE-2000-0002")).returncode == 1


def test_a_lock_that_cannot_be_audited_whole_is_no_pass(audit: Callable[..., Any], advisories: str) -> None:
    done = audit(advisories, lock=LOCK + "loose>=1\n")
    assert done.returncode == 1
    assert "pip-audit failed" in done.stderr
