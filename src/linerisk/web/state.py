"""What a worker keeps open: the live bundle, policies, reason texts, tokens and the decision log."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import DecisionRecord
from linerisk.errors import ArtefactError, LineriskError, StoreError
from linerisk.explanation import Wording
from linerisk.features.reference import Keys
from linerisk.live import Live, LiveReader, ModelCache, Snapshot, model_of, not_live
from linerisk.model.risk_model import RiskModel
from linerisk.policy import load_policies
from linerisk.review.access_log import Accesses
from linerisk.review.cool_downs import CoolDowns
from linerisk.review.dispute_service import DisputeService
from linerisk.settings import Settings
from linerisk.tables.identity import fingerprint_of, key_of, key_of_id, load_secret
from linerisk.web.token_store import TokenStore

_FEW = 128
_LOOK_EVERY_S = 0.002
"""For how long a look at the tokens and at what is live serves: a few requests of a busy process."""
_BUSY_S = 0.7
"""How long a write waits for another process that writes: a score must be refused in under a second."""
_LOOK_FOR_LIFTS_EVERY_S = 0.05
"""So long a line that was just cleared may still be asked by another process."""


class ServiceState:
    """The live bundle, policies, reason texts, tokens and the decision log of one process.

    Args:
        settings: Where they are.
        on_refused: Told why a new live pair was refused.
        on_swapped: Told the live pair that took the place of another.

    Raises:
        PolicyError: Policies or wording are wrong.
        DecisionLogError: The decision log cannot be opened.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_refused: Callable[[LineriskError], None] | None = None,
        on_swapped: Callable[[Live], None] | None = None,
    ) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.policies = load_policies(settings.policies)
        self.wording = Wording.load(settings.policies)
        self.tokens = TokenStore(settings.home / "tokens.json", look_every_s=_LOOK_EVERY_S)
        self.live = LiveReader(
            settings.live, on_refused=on_refused, on_swapped=on_swapped, background=True, look_every_s=_LOOK_EVERY_S
        )
        self.models = ModelCache(settings.live)
        self.log = DecisionLog(settings.decision_log_url, busy_s=_BUSY_S)
        self.accesses = Accesses(self.log)
        self.disputes = DisputeService(self.log, self.policies, role_of=self.tokens.role_of)
        self.cool_downs = CoolDowns(self.log, refresh_every_s=_LOOK_FOR_LIFTS_EVERY_S)
        self.id_key = load_secret(settings)
        self._keyed_by = fingerprint_of(self.id_key)

    def close(self) -> None:
        """Write what waits and let go of the log."""
        self.log.close()

    def key_of(self, line_id: str) -> int:
        """The key of a line, under which an access to it is written down."""
        return key_of_id(line_id, secret=self.id_key)

    def keys_of(self, ids: list[str]) -> Keys:
        """Keys of lines; a column at a time where there are many."""
        if len(ids) <= _FEW:
            return np.array([key_of_id(line_id, secret=self.id_key) for line_id in ids], dtype=np.int64)
        keys: Keys = pl.DataFrame({"id": ids}).select(key_of("id", secret=self.id_key)).to_series().to_numpy()
        return keys

    def snapshot_of(self, live: Live) -> Snapshot:
        """The snapshot that is live.

        Raises:
            NotLiveError: There is none.
            StoreError: It was keyed by another secret.
        """
        if live.snapshot is None:
            raise not_live("no snapshot is published")
        keyed_by = live.snapshot.meta.keyed_by
        if keyed_by and keyed_by != self._keyed_by:
            raise StoreError(
                "the published snapshot was keyed by another id key",
                expected="the id key of this home",
                found="another",
                todo="publish again, or set LINERISK_ID_KEY to the key that the store was made with",
            )
        return live.snapshot

    def model_of(self, record: DecisionRecord) -> RiskModel:
        """The model that made a decision: the live one, or an earlier one from the cache.

        Raises:
            ArtefactError: It cannot be read.
        """
        try:
            live = self.live.current().model
        except LineriskError:
            return _read_model(self.models.of, record)
        return live if live.fingerprint == record.model.fingerprint else _read_model(self.models.of, record)

    def artefact_of(self, record: DecisionRecord) -> RiskModel:
        """The model that made a decision, read again from its files, every byte checked.

        Raises:
            ArtefactError: It is missing or damaged.
        """
        return _read_model(partial(model_of, self.settings.live), record)


def _read_model(read: Callable[..., RiskModel], record: DecisionRecord) -> RiskModel:
    try:
        return read(record.model.fingerprint, version=record.model.version)
    except ArtefactError as error:
        raise ArtefactError(
            "the model of this decision cannot be loaded here",
            expected=f"version {record.model.version} of {record.model.name}",
            found=error.wrong,
            todo="restore models/ under the live folder from a backup",
        ) from error
