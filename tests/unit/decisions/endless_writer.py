"""A process that records decisions until it is killed, and tells the id of each one once the log has acknowledged it.

Started by `test_faults.py`: url, name of the caller, number of requests (0: until killed).
"""

from __future__ import annotations

import itertools
import sys
from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime

import numpy as np

from linerisk.decisions.append import StoredAnswer
from linerisk.decisions.ids import decision_ids
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel
from linerisk.decisions.recorded_features import frozen_features

AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
IN_FLIGHT = 8


def decision(caller: str, request_id: str, decision_id: str) -> DecisionRecord:
    """One record with a few KB of features, as real ones have."""
    return DecisionRecord(
        decision_id=decision_id,
        request_id=request_id,
        line_id=f"line-{request_id}",
        as_of=AS_OF,
        scored_at=AS_OF,
        status="fresh",
        margin=-1.5,
        probability=0.2,
        probability_low=0.1,
        probability_high=0.3,
        tier="normal",
        action=RecordedAction(kind="none", policy="p"),
        reasons=(),
        base=-1.5,
        calibration=0.0,
        contributions={},
        model=RecordedModel(name="linerisk", version="1", fingerprint="f" * 64),
        features_from="table",
        features=frozen_features([f"feature_{i}" for i in range(60)], np.ones((1, 60), dtype=np.float32))[0],
        scored_by=caller,
    )


def main(url: str, caller: str, requests: int) -> None:
    """Keep a few requests of three decisions in flight; print what is acknowledged."""
    with DecisionLog(url, busy_s=30) as log:
        flying: deque[Future[StoredAnswer]] = deque()
        for i in itertools.count() if requests == 0 else range(requests):
            request_id = f"{caller}-{i}"
            records = [decision(caller, request_id, decision_id) for decision_id in decision_ids(AS_OF, 3)]
            flying.append(log.append_async(caller, request_id, "body", records))
            while len(flying) >= IN_FLIGHT:
                tell(flying.popleft())
        for future in flying:
            tell(future)


def tell(future: Future[StoredAnswer]) -> None:
    """Print the ids of an acknowledged answer at once."""
    for record in future.result().records:
        print(record.decision_id, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
