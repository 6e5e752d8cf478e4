"""Recomputes a decision from its frozen record and the artefact that made it."""

from __future__ import annotations

from linerisk.decisions.log import DecisionLog
from linerisk.decisions.replay import Replay, replay
from linerisk.errors import DecisionLogError
from linerisk.live import model_of
from linerisk.settings import Settings


def replay_decision(settings: Settings, decision_id: str) -> Replay:
    """Recompute a decision.

    Raises:
        DecisionLogError: There is no such decision, or it was erased at the end of its retention.
        ArtefactError: The artefact that made it is missing or damaged.
    """
    with DecisionLog(settings.decision_log_url, create=False) as log:
        record = log.get(decision_id)
    if record is None:
        raise DecisionLogError(
            "there is no such decision",
            expected="the decision_id of an answer of the service of this home",
            found=decision_id,
            todo="check the id, and --home; past its retention a decision is erased and cannot be replayed",
        )
    return replay(record, model_of(settings.live, record.model.fingerprint, version=record.model.version))
