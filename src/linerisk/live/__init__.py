"""What the service answers from: one model and one snapshot, swapped as a whole.

`models/<fingerprint>/` keeps every artefact that was ever live, so that old decisions can be replayed.
`snapshots/<id>/` keeps the last few snapshots as arrays that are mapped into memory, and
beside them what a model says of every line. `current.json` points at one of
each; it is written beside and moved over, so a reader sees the old pair or the new pair and nothing between.
`challenger.json` and `challengers/` keep the version that asks to be live, for people to look at.
"""

from linerisk.live.bundle import Live, check_live, model_of, not_live
from linerisk.live.challenger import Challenger, ChallengerHolder, put_challenger, put_no_challenger
from linerisk.live.model_cache import ModelCache
from linerisk.live.pointer import WHEN_EXPIRED, ModelMeta, Promotion
from linerisk.live.precomputed_scores import PreparedScores
from linerisk.live.publish import Prepare, is_prepared, put_model, put_snapshot
from linerisk.live.reader import LiveReader
from linerisk.live.snapshot import Snapshot, SnapshotMeta
from linerisk.live.spelled import SpellingFile

__all__ = [
    "WHEN_EXPIRED",
    "Challenger",
    "ChallengerHolder",
    "Live",
    "LiveReader",
    "ModelCache",
    "ModelMeta",
    "Prepare",
    "PreparedScores",
    "Promotion",
    "Snapshot",
    "SnapshotMeta",
    "SpellingFile",
    "check_live",
    "is_prepared",
    "model_of",
    "not_live",
    "put_challenger",
    "put_model",
    "put_no_challenger",
    "put_snapshot",
]
