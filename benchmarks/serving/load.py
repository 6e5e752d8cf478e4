"""Loads, small requests by wrk: as much as a server takes, and at a rate; large requests one by one."""

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
"""Enough that a server which waits for its disk has something to do meanwhile."""
CALLERS = 32
HOLDS = 0.95
"""A rate is held if answers come at this share of it."""
_FIRST_S = 1.0
_LARGE_WITHIN_S = 120
_ERRORS_AT_MOST = 3
Found = dict[str, Any]


@dataclass(frozen=True)
class Material:
    """What every load is made of.

    Attributes:
        lines: Line ids that the snapshot knows.
        lines_file: The same, one in each row.
        token: Of a scorer of ours.
        scratch: For bodies and results of child processes.
    """

    lines: list[str]
    lines_file: Path
    token: str
    scratch: Path


def wrk_path() -> str:
    """Where wrk is; the benchmark ends here without it."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("wrk is not installed, and this benchmark loads servers with it: apt-get install wrk")
    return found


def full(case: Case, running: Running, material: Material, *, seconds: float) -> Found:
    """As many requests as the server answers on 64 connections.

    Returns:
        `rps`, `cpu_us` of a request, `p50_ms`, `p99_ms`, `answered`, `errors` by kind.
    """
    return _wrk(case, running, material, seconds=seconds, connections=CONNECTIONS, pause_ms=0.0)


def at_rate(case: Case, running: Running, material: Material, *, rate: float, seconds: float) -> Found:
    """32 callers who each pause at random before they ask again, so that together they ask at a rate.

    How long they wait for answers, which is no pause, is measured first. Adds to what `full` gives `rate`, and `held`
    if it was reached.
    """
    round_ms = 1e3 * CALLERS / rate
    first = _wrk(case, running, material, seconds=_FIRST_S, connections=CALLERS, pause_ms=round_ms)
    waited_ms = 1e3 * CALLERS / first["rps"] - round_ms
    found = _wrk(
        case,
        running,
        material,
        seconds=seconds,
        connections=CALLERS,
        pause_ms=max(1.0, round_ms - waited_ms),
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
    words += [f"{running.url}{case.path}", "--", str(template), str(material.lines_file), _fresh(case)]
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
    """Large requests, one after the other on one connection, until the server worked on them for some seconds.

    Args:
        case: Whom to ask.
        running: The server.
        path: What is called; it or the template has a mark for the request id.
        template: The body.
        token: For the header.
        lines: How many lines it asks for.
        seconds: For how long.
        media_type: Of the body.

    Returns:
        `lines_per_s` by the clock and `lines_per_core_s` by CPU seconds of the server, `p50_ms` of a request, `bytes`
        of one body, `answered` lines, `errors` by kind.
    """
    took: list[float] = []
    errors: Counter[str] = Counter()
    headers = {"authorization": f"Bearer {token}", "content-type": media_type}
    run = _fresh(case)
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False, timeout=_LARGE_WITHIN_S) as client:
        before = running.cpu_s()
        while sum(took) < seconds and errors.total() < _ERRORS_AT_MOST:
            request_id = f"{run}-{len(took)}"
            body, where = (
                template.replace(REQUEST_ID.encode(), request_id.encode()),
                path.replace(REQUEST_ID, request_id),
            )
            began = time.perf_counter()
            answer = client.post(where, content=body)
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


def checked(cases: dict[str, Running], material: Material, by_key: dict[str, Case], *, lines: int = 20) -> int:
    """Ask every server for the same lines; how many.

    Raises:
        ServerError: One says something else than ours; its times would say nothing.
    """
    asked = material.lines[:lines]
    said = {}
    for key, running in cases.items():
        case = by_key[key]
        headers = {"authorization": f"Bearer {material.token}"}
        body = case.body(_fresh(case), asked)
        answer = httpx.post(running.url + case.path, json=body, headers=headers, timeout=30, trust_env=False)
        if not answer.is_success:
            raise ServerError(f"{key} answers {answer.status_code}: {answer.text[:500]}")
        said[key] = case.said(answer.json())
    different = [key for key, found in said.items() if found != said[OURS]]
    if different or len(said[OURS]) != len(asked):
        raise ServerError(f"not the same answers as ours: {', '.join(different) or 'lines are missing'}")
    return len(asked)


def _fresh(case: Case) -> str:
    return f"{case.key}-{secrets.token_hex(6)}"
