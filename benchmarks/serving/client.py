"""A load client for a running service.

    python benchmarks/serving/client.py --url http://127.0.0.1:3000 --token-file TOKEN --lines LINES \
        --rate 200 --seconds 30

TOKEN is a file with the token of a scorer, LINES a file with one line id per row. Each request scores one line under a
new `request_id`. **The service records every answer as a decision.**

Requests follow a schedule with exponential gaps, like those of independent callers, and do not wait for answers. The
latency of a request counts from its scheduled time, so a stall of the service delays every request scheduled during it.
`client_late_p99_ms` is the delay of this client itself while a connection was free. If it is not small compared with
the percentiles, they measure the client, and the rate is too high for it.

Afterwards the client repeats every answered request under the same `request_id` at the same rate and expects the same
answer. Exit code 1: a request failed or an answer differed. For a private certificate set SSL_CERT_FILE.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

from pacing import Run, send_paced
from target import Target


def scoring_bodies(line_ids: list[str]) -> Iterator[bytes]:
    """Endless bodies of `POST /v1/score`, one line each, each with a new `request_id`."""
    run = secrets.token_hex(6)
    for number, line_id in zip(count(), cycle(line_ids), strict=False):
        yield json.dumps({"request_id": f"load-{run}-{number}", "lines": [{"line_id": line_id}]}).encode()


def repeat_answered(target: Target, first: Run, *, rate: float, connections: int) -> dict[str, Any]:
    """Repeat the answered requests; counts of same answers, different answers and errors."""
    before = {sent.body: sent.answer for sent in first.answered}
    again = send_paced(target, list(before), rate=rate, connections=connections, keep_answers=True)
    same = sum(json.loads(sent.answer) == json.loads(before[sent.body]) for sent in again.answered)
    return {
        "asked": len(before),
        "same": same,
        "different": len(again.answered) - same,
        "errors": dict(again.errors),
    }


def main() -> int:
    """Load a service, repeat the requests, print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="URL of the service, such as http://127.0.0.1:3000")
    parser.add_argument("--token-file", type=Path, required=True, help="file with the token of a scorer")
    parser.add_argument("--lines", type=Path, required=True, help="file with one line id per row")
    parser.add_argument("--rate", type=float, required=True, help="mean requests per second")
    parser.add_argument("--seconds", type=float, required=True, help="duration of the load")
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    lines = [line for line in given.lines.read_text(encoding="utf-8").splitlines() if line]
    if not lines:
        parser.error(f"{given.lines}: no line ids")
    target = Target(given.url, token=given.token_file.read_text(encoding="utf-8").strip())
    pace = {"rate": given.rate, "connections": given.connections}
    try:
        first = send_paced(target, scoring_bodies(lines), seconds=given.seconds, keep_answers=True, **pace)
        repeats = repeat_answered(target, first, **pace)
    except OSError as error:
        parser.exit(1, f"{given.url} cannot be reached: {error.strerror or error}\n")
    sys.stdout.write(json.dumps({**first.statistics(), "asked_again": repeats}, indent=1) + "\n")
    whole = bool(first.answered) and repeats["same"] == len(first.answered)
    return 0 if whole and not first.errors else 1


if __name__ == "__main__":
    sys.exit(main())
