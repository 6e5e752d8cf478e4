"""A load client for a running service.

    python benchmarks/serving/client.py --url http://127.0.0.1:3000 --token-file TOKEN --lines LINES \
        --rate 200 --seconds 30

TOKEN is a file that holds the token of a scorer, LINES a file with one line id in each row. Each request asks for one
line under a `request_id` of its own. **Every answer is recorded by the service as a decision.**

Requests are sent at times that are drawn before and do not wait for answers, as from independent callers (gaps are
exponential). A request is timed from when it should have been sent: a service that stalls is not spared what would have
been asked meanwhile. `client_late_p99_ms` says how late this client itself was, with a connection free; where that is
not small beside the percentiles, they measure the client, and the rate is too high for it.

Afterwards everything that was answered is asked again under the same `request_id` at the same rate, and must be
answered the same. Exit code 1: something failed or differed. A certificate of one's own: set SSL_CERT_FILE.
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

from pacing import Run, paced
from target import Target


def scoring_bodies(line_ids: list[str]) -> Iterator[bytes]:
    """Bodies of `POST /v1/score`, one line each, without end, each under a `request_id` of its own."""
    run = secrets.token_hex(6)
    for number, line_id in zip(count(), cycle(line_ids), strict=False):
        yield json.dumps({"request_id": f"load-{run}-{number}", "lines": [{"line_id": line_id}]}).encode()


def asked_again(target: Target, first: Run, *, rate: float, connections: int) -> dict[str, Any]:
    """Ask again what was answered; how many answers were the same, differed, or did not come."""
    before = {sent.body: sent.answer for sent in first.answered}
    again = paced(target, list(before), rate=rate, connections=connections, keep_answers=True)
    same = sum(json.loads(sent.answer) == json.loads(before[sent.body]) for sent in again.answered)
    return {
        "asked": len(before),
        "same": same,
        "different": len(again.answered) - same,
        "errors": dict(again.errors),
    }


def main() -> int:
    """Load a service, ask again, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="where the service answers, as http://127.0.0.1:3000")
    parser.add_argument("--token-file", type=Path, required=True, help="holds the token of a scorer")
    parser.add_argument("--lines", type=Path, required=True, help="one line id in each row")
    parser.add_argument("--rate", type=float, required=True, help="requests a second, on the mean")
    parser.add_argument("--seconds", type=float, required=True, help="for how long")
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    lines = [line for line in given.lines.read_text(encoding="utf-8").splitlines() if line]
    if not lines:
        parser.error(f"{given.lines}: no line ids")
    target = Target(given.url, token=given.token_file.read_text(encoding="utf-8").strip())
    pace = {"rate": given.rate, "connections": given.connections}
    try:
        first = paced(target, scoring_bodies(lines), seconds=given.seconds, keep_answers=True, **pace)
        repeats = asked_again(target, first, **pace)
    except OSError as error:
        parser.exit(1, f"{given.url} cannot be reached: {error.strerror or error}\n")
    sys.stdout.write(json.dumps({**first.figures(), "asked_again": repeats}, indent=1) + "\n")
    whole = bool(first.answered) and repeats["same"] == len(first.answered)
    return 0 if whole and not first.errors else 1


if __name__ == "__main__":
    sys.exit(main())
