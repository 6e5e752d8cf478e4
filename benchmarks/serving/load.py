"""Loads: small requests with wrk at maximum or at a rate, and large requests one by one."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from processes import Running, ServerError
from servers import OURS, REQUEST_ID, Case

HERE = Path(__file__).resolve().parent
CONNECTIONS = 64
"""Enough to keep a server busy while it waits for its disk."""
CALLERS = 32
HOLDS = 0.95
"""Share of the requested rate that counts as holding it."""
_FIRST_S = 1.0
_LARGE_WITHIN_S = 120
_ERRORS_AT_MOST = 3
Found = dict[str, Any]


@dataclass(frozen=True)
class Material:
    """Inputs of every load.

    Attributes:
        lines: Line ids of the snapshot.
        lines_file: File with the same ids, one per row.
        token: Token of a scorer of our service.
        scratch: Folder for bodies and results of child processes.
    """

    lines: list[str]
    lines_file: Path
    token: str
    scratch: Path


def wrk_path() -> str:
    """Path of wrk; exits the benchmark if it is not installed."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("wrk is not installed, and this benchmark needs it: apt-get install wrk")
    return found


def full(case: Case, running: Running, material: Material, *, seconds: float) -> Found:
    """Maximum load: as many requests as the server answers on 64 connections.

    Returns:
        `rps`, `cpu_us` per request, `p50_ms`, `p99_ms`, `answered`, `errors` by kind.
    """
    return _wrk(case, running, material, seconds=seconds, connections=CONNECTIONS, pause_ms=0.0)


def at_rate(case: Case, running: Running, material: Material, *, rate: float, seconds: float) -> Found:
    """Load at a rate: 32 connections that pause at random before each request.

    A short first load measures the time that answers take, which shortens the pauses. Returns the fields of `full`, and
    `rate` and `held` (whether the rate was reached).
    """
    round_ms = 1e3 * CALLERS / rate
    first = _wrk(case, running, material, seconds=_FIRST_S, connections=CALLERS, pause_ms=round_ms)
    answer_ms = 1e3 * CALLERS / first["rps"] - round_ms
    found = _wrk(
        case,
        running,
        material,
        seconds=seconds,
        connections=CALLERS,
        pause_ms=max(1.0, round_ms - answer_ms),
    )
    errors = Counter(first["errors"]) + Counter(found["errors"])
    answered = first["answered"] + found["answered"]
    held = found["rps"] >= HOLDS * rate
    return {**found, "rate": round(rate, 1), "answered": answered, "errors": dict(errors), "held": held}


def _wrk(
    case: Case, running: Running, material: Material, *, seconds: float, connections: int, pause_ms: float
) -> Found:
    template = material.scratch / f"{case.key}.json"
    template.write_text(case.template(), encoding="utf-8")
    words = ["-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(HERE / "wrk.lua")]
    words += ["-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {material.token}"]
    words += [f"{running.url}{case.path}", "--", str(template), str(material.lines_file), _new_request_id(case)]
    before = running.cpu_s()
    done = subprocess.run(  # noqa: S603 - ours
        [wrk_path(), *words, f"{pause_ms:.3f}"], capture_output=True, text=True, check=False
    )
    cpu_s = running.cpu_s() - before
    if done.returncode:
        raise ServerError(f"wrk on {case.key}: {done.stdout}{done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    errors = {kind: number for kind, number in found["errors"].items() if number}
    answered = found["requests"] - errors.get("status", 0)
    return {
        "rps": round(answered / found["seconds"], 1),
        "cpu_us": round(cpu_s / max(1, found["requests"]) * 1e6, 1),
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
        "answered": answered,
        "errors": errors,
    }


def large(
    case: Case,
    running: Running,
    path: str,
    template: bytes,
    *,
    token: str,
    lines: int,
    seconds: float,
    media_type: str = "application/json",
) -> Found:
    """Send large requests one after the other on one connection, until answers took `seconds` in total.

    Args:
        case: The case to measure.
        running: The running server.
        path: Path of the call; it or the template contains the placeholder of the request id.
        template: The body.
        token: Bearer token.
        lines: Number of lines in the body.
        seconds: Total time of answers.
        media_type: Media type of the body.

    Returns:
        `lines_per_s` of elapsed time and `lines_per_core_s` by CPU seconds of the server, `p50_ms` per request, `bytes`
        of one body, `answered` lines, `errors` by kind.
    """
    took: list[float] = []
    errors: Counter[str] = Counter()
    headers = {"authorization": f"Bearer {token}", "content-type": media_type}
    run = _new_request_id(case)
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False, timeout=_LARGE_WITHIN_S) as client:
        before = running.cpu_s()
        while sum(took) < seconds and errors.total() < _ERRORS_AT_MOST:
            request_id = f"{run}-{len(took)}"
            body = template.replace(REQUEST_ID.encode(), request_id.encode())
            url = path.replace(REQUEST_ID, request_id)
            began = time.perf_counter()
            answer = client.post(url, content=body)
            if answer.is_success:
                took.append(time.perf_counter() - began)
            else:
                errors[f"status {answer.status_code}"] += 1
        cpu_s = running.cpu_s() - before
    if not took:
        raise ServerError(f"{case.key} answered no large request: {dict(errors)}")
    answered = len(took) * lines
    return {
        "lines_per_s": round(answered / sum(took)),
        "lines_per_core_s": round(answered / cpu_s),
        "p50_ms": round(sorted(took)[len(took) // 2] * 1e3, 1),
        "bytes": len(template),
        "answered": answered,
        "errors": dict(errors),
    }


def check_same_scores(
    cases: dict[str, Running], material: Material, by_key: dict[str, Case], *, lines: int = 20
) -> int:
    """Check that every server gives the same scores for the same lines; the number of lines.

    Raises:
        ServerError: A server gives other scores than ours, so its times would not be comparable.
    """
    requested = material.lines[:lines]
    scores = {}
    for key, running in cases.items():
        case = by_key[key]
        headers = {"authorization": f"Bearer {material.token}"}
        body = case.body(_new_request_id(case), requested)
        answer = httpx.post(running.url + case.path, json=body, headers=headers, timeout=30, trust_env=False)
        if not answer.is_success:
            raise ServerError(f"{key} answers {answer.status_code}: {answer.text[:500]}")
        scores[key] = case.scores(answer.json())
    different = [key for key, found in scores.items() if found != scores[OURS]]
    if different or len(scores[OURS]) != len(requested):
        raise ServerError(f"other scores than ours: {', '.join(different) or 'lines are missing'}")
    return len(requested)


def _new_request_id(case: Case) -> str:
    return f"{case.key}-{secrets.token_hex(6)}"
