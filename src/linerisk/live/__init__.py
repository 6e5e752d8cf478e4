"""What the service answers from: the live bundle of one model and one snapshot, swapped as a whole.

- `models/<fingerprint>/`: every artefact that was ever live, so that old decisions can be replayed.
- `snapshots/<id>/`: the last few snapshots as memory-mapped arrays, with precomputed scores of every line.
- `current.json`: the pointer to one of each. It is replaced atomically: a reader sees the old bundle or the new one.
- `challenger.json`, `challengers/`: the challenger, for people to compare; scoring never reads it.
"""

from linerisk.live.bundle import Live, check_live, model_of, not_live
from linerisk.live.challenger import Challenger, ChallengerHolder, put_challenger, put_no_challenger
from linerisk.live.model_cache import ModelCache
from linerisk.live.pointer import WHEN_EXPIRED, ModelMeta, Promotion
from linerisk.live.precomputed_scores import PrecomputedScores
from linerisk.live.publish import Precompute, has_precomputed_scores, put_model, put_snapshot
from linerisk.live.reader import LiveReader
from linerisk.live.snapshot import Snapshot, SnapshotMeta

__all__ = [
    "WHEN_EXPIRED",
    "Challenger",
    "ChallengerHolder",
    "Live",
    "LiveReader",
    "ModelCache",
    "ModelMeta",
    "Precompute",
    "PrecomputedScores",
    "Promotion",
    "Snapshot",
    "SnapshotMeta",
    "check_live",
    "has_precomputed_scores",
    "model_of",
    "not_live",
    "put_challenger",
    "put_model",
    "put_no_challenger",
    "put_snapshot",
]
