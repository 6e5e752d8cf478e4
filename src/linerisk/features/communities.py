"""Communities: contacts that a line shares with lines found fraudulent.

A found line has a fraud label in force and known at `as_of`, about behaviour of the 90 days before. A found
line that lost its number comes back with another one and calls the same people (communities of interest: Cortes,
Pregibon and Volinsky, 2001), and lines of one gang call from the same lists (co-callees). A number counts the less the
more lines have contact with it, by 1 / log2(1 + lines) as Adamic and Adar weigh shared neighbours (2003), and not at
all from some number of lines on: a hotline says nothing about acquaintance. No line counts for itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from linerisk.features.reference import Found, Keys, Reference, positions
from linerisk.features.stages import OBSERVATION, Feature, at, entries, share, utc
from linerisk.tables.label_resolution import labels_in_force

Flags = npt.NDArray[np.bool_]

FOUND_WITHIN = timedelta(days=90)
"""How long after its behaviour a finding counts."""
COMMON_LINES = 100
"""Other lines in contact with a number from beyond which it is a hotline or a shop, and shared by chance."""

_OTHERS = "; it changes when other lines are found or cleared"
_SHARED = (
    f"parties called that another line found fraudulent had contact with in its last {OBSERVATION.days} days, and at "
    f"most {COMMON_LINES} other lines in all"
)
_entry = partial(entries, family="network", null="no reference published", reason="A14")

FEATURES: tuple[Feature, ...] = (
    *_entry(
        "found_line_shared_callee_count",
        "7d",
        unit="count",
        meaning=_SHARED + _OTHERS,
        zh="与已确认使用异常的号码共同联系的号码数",
        en="numbers called that lines found in abnormal use had contact with",
    ),
    *_entry(
        "found_line_shared_callee_share",
        "28d",
        unit="share",
        meaning=f"{_SHARED}, among parties called{_OTHERS}",
        null="nobody called in the window, or no reference published",
        zh="与已确认使用异常的号码共同联系的号码占呼出号码比例",
        en="share of numbers called that lines found in abnormal use had contact with",
    ),
    *_entry(
        "found_line_shared_callee_weight",
        "7d",
        "28d",
        unit="ratio",
        meaning=f"{_SHARED}, each counted 1 / log2(1 + other lines in contact with it): 1 where it is the found line "
        f"alone{_OTHERS}",
        zh="与已确认使用异常的号码共同联系的号码（越少有人联系的权重越大）",
        en="numbers called that lines found in abnormal use had contact with, rare ones counted more",
    ),
    *_entry(
        "found_line_contacts_count",
        "28d",
        unit="count",
        meaning=f"other lines found fraudulent that the line had a call or text with, either way{_OTHERS}",
        zh="有过联系的已确认使用异常的号码数",
        en="lines found in abnormal use in contact",
    ),
)

_SCALE = 2**32
_WEIGHTS = np.array(
    [0, *(round(_SCALE / math.log2(1 + others)) for others in range(1, COMMON_LINES + 1))], dtype=np.int64
)
"""By number of other lines, in steps of 2^-32: sums of integers are the same in any order, sums of floats are not."""


@dataclass(frozen=True, slots=True)
class ContactsOfFound:
    """Contacts of lines in 28 days with relevant parties. Grain: one entry per line and party.

    Attributes:
        line: Key of the line; sorted.
        at: Where the party stands in `Found.contacts`.
        is_found: Whether the party is a found line itself.
        out_7: Whether it was called in 7 days.
        out_28: Whether it was called in 28 days.
    """

    line: Keys
    at: Keys
    is_found: Flags
    out_7: Flags
    out_28: Flags


def together(parts: Sequence[ContactsOfFound]) -> ContactsOfFound:
    """The same for several sets of whole lines."""
    return ContactsOfFound(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(ContactsOfFound))
    )


class Findings(Protocol):
    """Interface of a record store for found lines and their contacts."""

    def records(self, *, start: datetime | None = None, end: datetime | None = None) -> pl.LazyFrame:
        """Records that started from `start` to `end`."""
        ...

    def labels(self) -> pl.LazyFrame:
        """Labels of all lines."""
        ...


def found_lines(store: Findings, *, as_of: datetime) -> Found:
    """Lines found fraudulent as known at `as_of`, and the numbers of their last 28 days.

    A found line is soon suspended and makes no records: its last days are counted back from its last record.

    Args:
        store: Of its records, those of found lines are read.
        as_of: Labels and records known later are not seen.
    """
    as_of, c = utc(as_of), pl.col
    about = c("occurred_at").is_between(at(as_of - FOUND_WITHIN), at(as_of), closed="right")
    standing = labels_in_force(store.labels(), known_by=as_of).filter(c("label") == "fraud", about)
    lines = standing.select(c("line_key").unique().sort()).collect()
    if lines.height == 0:
        nothing = np.empty(0, dtype=np.int64)
        return Found(nothing, nothing, nothing)
    pairs = (
        store.records(start=as_of - FOUND_WITHIN - OBSERVATION, end=as_of)
        .select("line_key", "peer_key", "record_type", "started_at", "received_at")
        .filter(c("started_at") <= at(as_of), c("received_at") <= at(as_of), c("record_type") != "call_forwarded")
        .join(lines.lazy(), on="line_key", how="semi")
        .group_by("line_key", "peer_key")
        .agg(last=c("started_at").max())
        .collect()
    )
    recent = pairs.filter(c("last") > c("last").max().over("line_key") - OBSERVATION)
    known = [recent.select("peer_key", by_found=1), lines.select(peer_key="line_key", by_found=0)]
    contacts = pl.concat(known).group_by("peer_key").agg(c("by_found").cast(pl.Int64).sum()).sort("peer_key")
    return Found(lines["line_key"].to_numpy(), contacts["peer_key"].to_numpy(), contacts["by_found"].to_numpy())


def contacts_of_found(prepared: pl.DataFrame, found: Found) -> ContactsOfFound:
    """Contacts of lines with `found` and with their contacts, from prepared records of whole lines."""
    rows = np.flatnonzero(prepared["w28"].to_numpy() & ~prepared["is_forwarded"].to_numpy())
    line, peer = prepared["line_key"].to_numpy()[rows], prepared["peer_key"].to_numpy()[rows]
    at = positions(found.contacts, peer)
    matters = np.flatnonzero(at >= 0)
    matters = matters[np.lexsort((at[matters], line[matters]))]
    line, at = line[matters], at[matters]
    first = _firsts(line, at)
    out = prepared["is_out"].to_numpy()[rows[matters]]
    week = prepared["w7"].to_numpy()[rows[matters]]
    line, at = line[first], at[first]
    party = found.contacts[at]
    is_found = (positions(found.lines, party) >= 0) & (party != line)
    return ContactsOfFound(line, at, is_found, _any(out & week, first), _any(out, first))


def by_any(pairs: ContactsOfFound, found: Found) -> Keys:
    """Number of lines with contact to each of `found.contacts`: found lines, and others in the last 28 days.

    Args:
        pairs: Of all lines.
        found: The found lines.
    """
    others = positions(found.lines, pairs.line) < 0
    counts: Keys = found.by_found + np.bincount(pairs.at[others], minlength=len(found.contacts))
    return counts


def shared(pairs: ContactsOfFound, reference: Reference) -> pl.DataFrame:
    """Sums for `values`. Grain: one row per line with a pair.

    Args:
        pairs: Made against `reference.found`; a line is in one part only.
        reference: What is known of other lines.
    """
    itself = positions(reference.found.lines, pairs.line) >= 0
    found = np.maximum(reference.found.by_found[pairs.at] - itself, 0)
    lines = reference.by_any[pairs.at]
    # A line unknown to the reference is not among its counted lines; the found lines are.
    others = np.maximum(lines - 1, found)
    is_shared = (found > 0) & (others <= COMMON_LINES)
    weight = _WEIGHTS[np.where(is_shared, others, 0)]
    sums = {
        "shared_7": is_shared & pairs.out_7,
        "shared_28": is_shared & pairs.out_28,
        "weight_7": weight * pairs.out_7,
        "weight_28": weight * pairs.out_28,
        "found": pairs.is_found,
    }
    first = _firsts(pairs.line)
    if len(first) == 0:
        return pl.DataFrame(schema=dict.fromkeys(["line_key", *sums], pl.Int64))
    added = {name: np.add.reduceat(part.astype(np.int64), first) for name, part in sums.items()}
    return pl.DataFrame({"line_key": pairs.line[first], **added})


def _firsts(*keys: Keys) -> npt.NDArray[np.intp]:
    """Start index of each key among sorted keys."""
    begins = np.zeros(len(keys[0]), dtype=np.bool_)
    begins[:1] = True
    for key in keys:
        begins[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(begins)


def _any(flag: Flags, first: npt.NDArray[np.intp]) -> Flags:
    """Whether the flag is set anywhere from each beginning to the next."""
    found: Flags = np.logical_or.reduceat(flag, first) if len(first) else flag
    return found


def values() -> dict[str, pl.Expr]:
    """Features, from `shared` and `distinct_callees_count_28d`."""
    c = pl.col
    number = {name: c(name).fill_null(0) for name in ("shared_7", "shared_28", "weight_7", "weight_28", "found")}
    return {
        "found_line_shared_callee_count_7d": number["shared_7"],
        "found_line_shared_callee_share_28d": share(number["shared_28"], c("distinct_callees_count_28d")),
        "found_line_shared_callee_weight_7d": number["weight_7"] / _SCALE,
        "found_line_shared_callee_weight_28d": number["weight_28"] / _SCALE,
        "found_line_contacts_count_28d": number["found"],
    }
