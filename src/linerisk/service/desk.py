"""What one process keeps open to answer from, and the answers themselves: lines in, frozen decisions out.

Nothing here knows HTTP. A decision is scored, explained, given the action of the policy in force, and frozen; it is
the caller's business to record it before it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk import as_of as clock
from linerisk.decisions.log import DecisionLog
from linerisk.decisions.record import Recordable
from linerisk.errors import ArtefactError, LineriskError, StoreError
from linerisk.explanation import Wording
from linerisk.features.catalogue import FEATURE_NAMES, WITH_REFERENCE
from linerisk.features.reference import Keys, Reference
from linerisk.live import Live, LiveHolder, ModelShelf, Snapshot, not_live
from linerisk.policy import Policy, in_force, load_policies
from linerisk.review.accesses import Accesses
from linerisk.review.cool_downs import CoolDowns
from linerisk.review.desk import DisputeDesk
from linerisk.service.ahead import decide_ahead
from linerisk.service.deciding import Asked, decide
from linerisk.service.errors import WrongValueError
from linerisk.service.line_problems import OTHER_LINES, each_once, of_missing_inputs, of_no_account, unknown_line
from linerisk.service.request_records import Given, cook, given
from linerisk.service.tokens import TokenStore
from linerisk.service.types import ProblemBody, RecordsRequest, ScoreRequest, instant_of
from linerisk.settings import Settings
from linerisk.tables.identity import fingerprint_of, key_of, key_of_id, load_secret

_NAMED_AT_MOST = 5
_FEW = 16
_LOOK_EVERY_S = 0.002
"""For how long a look at the tokens and at what is live serves: a few requests of a busy process."""
_LOOK_FOR_LIFTS_EVERY_S = 0.05
"""So long a line that was just cleared may still be asked by another process."""

Decided = tuple[Sequence[Recordable], list[ProblemBody]]
"""Decisions, not recorded yet, and what there is to say about lines."""
Readied = tuple[Asked, Policy, list[ProblemBody]]
"""Lines ready to be scored, the policy in force, and what there is to say about lines."""


class Desk:
    """The live pair, policies, wording, tokens and the decision log of one process.

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
        self.holder = LiveHolder(
            settings.live, on_refused=on_refused, on_swapped=on_swapped, background=True, look_every_s=_LOOK_EVERY_S
        )
        self.shelf = ModelShelf(settings.live)
        self.log = DecisionLog(settings.decision_log_url, apart=True)
        self.accesses = Accesses(self.log)
        self.disputes = DisputeDesk(self.log, self.policies, role_of=self.tokens.role_of)
        self.cool_downs = CoolDowns(self.log, look_every_s=_LOOK_FOR_LIFTS_EVERY_S)
        self._secret = load_secret(settings)
        self._keyed_by = fingerprint_of(self._secret)

    def close(self) -> None:
        """Write what waits and let go of the log."""
        self.log.close()

    def by_id(self, request: ScoreRequest, *, caller: str, reasons: bool = True) -> Decided:
        """Score lines of the published snapshot; see `readied_by_id`. Without reasons none are put into words."""
        return self.decided(*self.readied_by_id(request, caller=caller), reasons=reasons)

    def by_records(self, request: RecordsRequest, *, caller: str, reasons: bool = True) -> Decided:
        """Score lines from records in the request; see `readied_by_records`."""
        lines = given(request.lines)
        readied = self.readied_by_records(lines, request_id=request.request_id, as_of=request.as_of, caller=caller)
        return self.decided(*readied, reasons=reasons)

    def readied_by_id(self, request: ScoreRequest, *, caller: str) -> Readied:
        """Lines of the published snapshot, ready to be scored.

        Raises:
            NotLiveError: There is no model or no snapshot.
            WrongValueError: `as_of` is before the snapshot's.
        """
        now = clock.now()
        live = self.holder.current()
        snapshot = self.snapshot_of(live)
        given = instant_asked(request, snapshot, now=now)
        ids, _, problems = each_once([str(line.line_id) for line in request.lines])
        found = snapshot.find(self._keys(ids))
        problems += [unknown_line(line_id) for line_id, row in zip(ids, found.tolist(), strict=True) if row < 0]
        rows = found[found >= 0]
        line_ids = [line_id for line_id, row in zip(ids, found.tolist(), strict=True) if row >= 0]
        asked, policy = self._at_rows(
            live, snapshot, rows, line_ids, request_id=request.request_id, caller=caller, as_of=given, now=now
        )
        return asked, policy, problems + of_no_account(asked)

    def rehearse(self) -> None:
        """Go the way of a request for one line, up to where it would be recorded.

        What a process does once, such as reading what is mapped and making statements, no caller need wait for.

        Raises:
            DecisionLogError: The log cannot be read.
        """
        live = self.holder.current()
        if live.snapshot is not None and live.snapshot.meta.lines:
            first = np.zeros(1, dtype=np.intp)
            asked, policy = self._at_rows(
                live,
                live.snapshot,
                first,
                [""],
                request_id="",
                caller="",
                as_of=live.snapshot.meta.as_of,
                now=clock.now(),
            )
            decide(asked, policy, self.wording)
        self.log.find("", "")

    def _at_rows(
        self,
        live: Live,
        snapshot: Snapshot,
        rows: npt.NDArray[np.intp],
        line_ids: list[str],
        *,
        request_id: str,
        caller: str,
        as_of: datetime,
        now: datetime,
    ) -> tuple[Asked, Policy]:
        policy = in_force(self.policies, as_of)
        asked = Asked(
            request_id=request_id,
            caller=caller,
            as_of=as_of,
            now=now,
            live=live,
            line_ids=line_ids,
            rows=snapshot.rows(rows),
            with_account=[snapshot.has_account(row) for row in rows.tolist()],
            missing=[()] * len(rows),
            last_verified=[snapshot.last_verified(row) for row in rows.tolist()],
            cleared=self.cool_downs.of(line_ids),
            # Judged by the clock, whatever as_of is asked for: nobody can make an old snapshot fresh by asking.
            stale=now - snapshot.meta.as_of > policy.snapshot_max_age,
            snapshot=snapshot,
            indexes=rows,
        )
        return asked, policy

    def readied_by_records(self, lines: Given, *, request_id: str, as_of: datetime | None, caller: str) -> Readied:
        """Lines with records, beside other lines as the published snapshot knows them, ready to be scored.

        Args:
            lines: As they were given; one that is named again is a problem.
            request_id: The caller's idempotency key.
            as_of: The instant to stand at; default now.
            caller: Name of the token.

        Raises:
            NotLiveError: There is no model.
            ArtefactError: The model has columns that are not made from records.
            StoreError: The snapshot was keyed by another secret.
        """
        now = clock.now()
        live = self.holder.current()
        foreign = [name for name in live.model.feature_names if name not in FEATURE_NAMES]
        if foreign:
            raise ArtefactError(
                "the model that is live has columns that are not made from records",
                expected="features of the catalogue",
                found=", ".join(foreign[:_NAMED_AT_MOST]),
                todo="score by id, or promote a model trained on the catalogue",
            )
        as_of = now if as_of is None else instant_of(as_of, now=now)
        policy = in_force(self.policies, as_of)
        reference = self._reference(live, as_of=as_of)
        ids, positions, problems = each_once(lines.ids)
        cooked = cook(
            lines if len(ids) == len(lines.ids) else lines.only(positions),
            columns=live.model.feature_names,
            reference=reference,
            as_of=as_of,
            now=now,
            secret=self._secret,
            time_zone=self.settings.time_zone,
        )
        alone = reference is None and any(name in WITH_REFERENCE for name in live.model.feature_names)
        line_ids = [ids[position] for position in cooked.positions]
        asked = Asked(
            request_id=request_id,
            caller=caller,
            as_of=as_of,
            now=now,
            live=live,
            line_ids=line_ids,
            rows=cooked.rows,
            with_account=cooked.with_account,
            missing=[(*missing, OTHER_LINES) if alone else missing for missing in cooked.missing],
            last_verified=cooked.last_verified,
            cleared=self.cool_downs.of(line_ids),
            stale=reference is not None and as_of - reference.as_of > policy.snapshot_max_age,
            snapshot=None,
            summaries=partial(cooked.summaries, as_of=as_of, time_zone=self.settings.time_zone),
        )
        return asked, policy, problems + cooked.problems + of_no_account(asked) + of_missing_inputs(asked)

    def key_of(self, line_id: str) -> int:
        """The key of a line, under which an access to it is written down."""
        return key_of_id(line_id, secret=self._secret)

    def _keys(self, ids: list[str]) -> Keys:
        """Keys of lines; a column at a time where there are many."""
        if len(ids) <= _FEW:
            return np.array([key_of_id(line_id, secret=self._secret) for line_id in ids], dtype=np.int64)
        keys: Keys = pl.DataFrame({"id": ids}).select(key_of("id", secret=self._secret)).to_series().to_numpy()
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

    def _reference(self, live: Live, *, as_of: datetime) -> Reference | None:
        """What was published of other lines; None if nothing was, or for a later instant."""
        if live.snapshot is None or live.snapshot.meta.as_of > as_of:
            return None
        return self.snapshot_of(live).reference

    def decided(self, asked: Asked, policy: Policy, problems: list[ProblemBody], *, reasons: bool) -> Decided:
        """Decisions of lines that are ready; without reasons none are put into words."""
        ahead = decide_ahead(asked, policy, self.wording, reasons=reasons)
        return ahead or decide(asked, policy, self.wording if reasons else None), problems


def instant_asked(request: ScoreRequest, snapshot: Snapshot, *, now: datetime) -> datetime:
    """The instant that a request by id stands at; the snapshot's where it names none.

    Raises:
        WrongValueError: It is before the snapshot's, or no instant of ours.
    """
    if request.as_of is None:
        return snapshot.meta.as_of
    given = instant_of(request.as_of, now=now)
    if given < snapshot.meta.as_of:
        raise WrongValueError(
            "as_of is before the published snapshot",
            expected=f"{clock.iso(snapshot.meta.as_of)} or later",
            found=clock.iso(given),
            todo="leave it out, ask for a later instant, or score by records",
            field="as_of",
        )
    return given
