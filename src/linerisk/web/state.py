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

_ONE_BY_ONE = 128
"""Up to so many ids are hashed one by one; a frame costs more than it saves."""
_LOOK_EVERY_S = 0.002
"""Seconds between two checks of the token file and the live pointer: a few requests of a busy process."""
_BUSY_S = 0.7
"""How long a write waits for a lock of another process: a refusal of a score must take under a second."""
_COOL_DOWN_REFRESH_S = 0.05
"""How long another process may still take an action against a line that was just cleared."""


class ServiceState:
    """The live bundle, policies, reason texts, tokens and the decision log of one process.

    Args:
        settings: Settings of the home.
        on_refused: Called with the error when a new live bundle is refused.
        on_swapped: Called with the new live bundle after it replaced another.

    Raises:
        PolicyError: Policies or reason texts are wrong.
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
        self.cool_downs = CoolDowns(self.log, refresh_every_s=_COOL_DOWN_REFRESH_S)
        self.id_key = load_secret(settings)
        self._keyed_by = fingerprint_of(self.id_key)

    def close(self) -> None:
        """Write pending records and close the log."""
        self.log.close()

    def key_of(self, line_id: str) -> int:
        """The key of a line; the access log names a line by it."""
        return key_of_id(line_id, secret=self.id_key)

    def keys_of(self, ids: list[str]) -> Keys:
        """Keys of lines; computed as one column if there are many."""
        if len(ids) <= _ONE_BY_ONE:
            return np.array([key_of_id(line_id, secret=self.id_key) for line_id in ids], dtype=np.int64)
        keys: Keys = pl.DataFrame({"id": ids}).select(key_of("id", secret=self.id_key)).to_series().to_numpy()
        return keys

    def snapshot_of(self, live: Live) -> Snapshot:
        """The live snapshot.

        Raises:
            NotLiveError: No snapshot is published.
            StoreError: The snapshot was keyed by another secret.
        """
        if live.snapshot is None:
            raise not_live("no snapshot is published")
        keyed_by = live.snapshot.meta.keyed_by
        if keyed_by and keyed_by != self._keyed_by:
            raise StoreError(
                "the published snapshot was built with another id key",
                expected="the id key of this home",
                found="another key",
                todo="publish again, or set LINERISK_ID_KEY to the key of the store",
            )
        return live.snapshot

    def model_of(self, record: DecisionRecord) -> RiskModel:
        """The model that made a decision: the live model, or an earlier one from the cache.

        Raises:
            ArtefactError: The model cannot be read.
        """
        try:
            live = self.live.current().model
        except LineriskError:
            return _read_model(self.models.of, record)
        return live if live.fingerprint == record.model.fingerprint else _read_model(self.models.of, record)

    def artefact_of(self, record: DecisionRecord) -> RiskModel:
        """Read the model of a decision again from its files and verify every checksum.

        Raises:
            ArtefactError: The model is missing or damaged.
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
