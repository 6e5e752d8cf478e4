"""Generates legs from streams: callees, outcomes, retries, calls back, and the other leg of calls between lines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from linerisk.records.simulation import areas, numbers
from linerisk.records.simulation import call_legs as leg_kinds
from linerisk.records.simulation.activity_streams import Streams
from linerisk.records.simulation.call_legs import SECOND_US, Legs, event_times, gather_legs, make_legs
from linerisk.records.simulation.contacts import ContactBook
from linerisk.records.simulation.effects import Effects
from linerisk.records.simulation.numbers import Flags, Floats, Ints
from linerisk.records.simulation.population import Population

_LONGEST_TALK_S = 3600.0
_LONGEST_RING_S = 60.0
_CONTACT_ANSWERS = 0.78
_ON_SAMPLE = 0.02
"""Share of local strangers who are simulated lines, so that the call has a second leg."""
_LIST_LENGTH = 3000
_TARGET_AREAS = 3
_SERVICES = 400
_HOTLINES = 60
_SPECIAL_SHARES = (0.03, 0.004, 0.001)
"""Shares of hotlines, foreign and emergency numbers among the strangers called."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Inputs for the traffic of one chunk: people, streams, contacts, daily activity, random generator, effects."""

    people: Population
    streams: Streams
    book: ContactBook
    activity: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
    rng: np.random.Generator
    effects: Effects | None = None


def all_legs(scene: Scene) -> Legs:
    """Every leg and text of the chunk, own and mirrored, unsorted."""
    out = _calls_out(scene)
    tried = _retries(scene, out)
    calls = gather_legs([out, tried])
    parts = [calls, _calls_back(scene, calls), _calls_in(scene), *_texts(scene)]
    every = _drop_absent_mates(scene, gather_legs(parts))
    return gather_legs([every, _other_legs(scene, every)])


def _stream_values(scene: Scene, name: str, stream: Ints) -> Floats:
    return scene.streams.values[name][stream]


def _outcomes(scene: Scene, stream: Ints, chance: Floats) -> tuple[Flags, Floats, Floats]:
    """Answered, ring and talk seconds, given the chance of an answer."""
    rng, size = scene.rng, len(stream)
    answered = rng.random(size) < chance
    ring = _stream_values(scene, "ring", stream) * rng.standard_gamma(2.0, size) / 2.0
    # Unanswered calls ring longer than answered ones.
    ring = np.minimum(np.where(answered, 0.75, 1.35) * ring, _LONGEST_RING_S).round(1)
    odds = rng.random(size)
    odds = odds / (1.0 - odds)
    talk = _stream_values(scene, "talk", stream) * odds ** (1.0 / _stream_values(scene, "talk_shape", stream))
    return answered, ring, np.clip(np.ceil(talk), 1.0, _LONGEST_TALK_S)


def _strangers(scene: Scene, stream: Ints) -> tuple[Ints, Ints]:
    """Draw numbers of strangers, and their line if it is simulated (else -1). Input is sorted by stream and time."""
    rng, streams, size = scene.rng, scene.streams, len(stream)
    line, anchor = streams.line[stream], streams.anchor[stream]
    target = anchor * _TARGET_AREAS + rng.integers(0, _TARGET_AREAS, size)
    focused = rng.random(size) < _stream_values(scene, "focus", stream)
    distant = areas.area_at(np.where(focused, numbers.uniform(target, 21), rng.random(size)))
    here = np.where(streams.area[stream] >= 0, streams.area[stream], scene.people.home[line])
    near = np.where(numbers.happens(0.8, size, rng), scene.people.home[line], here)
    in_town = rng.random(size) >= _stream_values(scene, "town", stream)
    area = np.where(in_town, near, distant)
    kind = rng.random(size)
    share_fixed, share_virtual = _stream_values(scene, "fixed", stream), _stream_values(scene, "virtual", stream)
    number = np.where(kind < share_fixed, numbers.fixed(area, rng), numbers.mobiles(area, rng))
    number = np.where(kind > 1.0 - share_virtual, numbers.virtual(area, rng), number)
    listed = rng.random(size) < _stream_values(scene, "listed", stream)
    entry = anchor[listed] * _LIST_LENGTH + rng.integers(0, _LIST_LENGTH, int(listed.sum()))
    number[listed] = areas.area_at(numbers.uniform(entry, 22)) * numbers.SPAN + (
        numbers.uniform(entry, 23) * 6e8
    ).astype(np.int64)
    mate = np.full(size, -1)
    on_sample = in_town & (rng.random(size) < _ON_SAMPLE) & (number % numbers.SPAN < 6 * 10**8)
    mate[on_sample] = rng.integers(0, len(scene.people), int(on_sample.sum()))
    mate[mate == line] = -1
    known = mate >= 0
    number[known] = scene.people.number[mate[known]]
    unknown = np.flatnonzero(~known)
    number[unknown] = _special(number[unknown], rng)
    return _sweep(scene, stream, number, mate)


def _special(number: Ints, rng: np.random.Generator) -> Ints:
    """Replace some numbers by hotlines, foreign numbers and emergency numbers.

    Fraud lines call them too; otherwise such calls would reveal the label.
    """
    base = np.asarray([numbers.SHORT_CODE, numbers.FOREIGN, numbers.EMERGENCY])
    among = np.asarray([_HOTLINES, numbers.SPAN, 3])
    kind = np.searchsorted(np.cumsum(_SPECIAL_SHARES), rng.random(len(number)))
    special = np.flatnonzero(kind < len(base))
    changed = number.copy()
    changed[special] = base[kind[special]] + rng.integers(0, among[kind[special]])
    return changed


def _sweep(scene: Scene, stream: Ints, number: Ints, mate: Ints) -> tuple[Ints, Ints]:
    """Sequential dialling: replace some strangers by numbers that follow the previous one."""
    size = len(stream)
    follows = scene.rng.random(size) < _stream_values(scene, "sweep", stream)
    follows[:1] = False
    follows[1:] &= stream[1:] == stream[:-1]
    base = np.maximum.accumulate(np.where(follows, 0, np.arange(size)))
    steps = np.cumsum(np.where(follows, scene.rng.integers(1, 5, size), 0))
    # Skip numbers after a simulated line: they are other simulated lines, which would need their own leg.
    follows &= mate[base] < 0
    return np.where(follows, number[base] + steps - steps[base], number), np.where(follows, -1, mate)


def _gang_mates(scene: Scene, stream: Ints) -> Ints:
    """Another line of the caller's gang, or the caller itself if it has none."""
    gang = scene.people.gang
    order = np.argsort(gang, kind="stable")
    first = np.searchsorted(gang[order], gang)
    count = np.bincount(gang, minlength=len(gang))[gang]
    line = scene.streams.line[stream]
    step = np.floor(count[line] * scene.rng.random(len(line))).astype(np.int64)
    return np.asarray(order[first[line] + step])


def _calls_out(scene: Scene) -> Legs:
    rng, streams, book = scene.rng, scene.streams, scene.book
    stream, at = event_times(streams, streams.values["out"], scene.activity, rng)
    size, line = len(stream), streams.line[stream]
    draw = rng.random(size)
    fresh_until = _stream_values(scene, "fresh", stream)
    again_until = fresh_until + _stream_values(scene, "again", stream)
    mates_from = 1.0 - _stream_values(scene, "mates", stream)
    first = np.searchsorted(stream, stream)
    fresh = (draw < fresh_until) | (book.count[line] == 0)
    again = (draw >= fresh_until) & (draw < again_until) & (first < np.arange(size))
    fresh &= ~again
    entry = book.pick(line, rng.random(size))
    if scene.effects is not None:
        entry = scene.effects.favour_distant_contacts(entry, book, scene.people, line=line, at=at, rng=rng)
    number, mate = _look_up(book, entry)
    chosen = np.flatnonzero(fresh)
    number[chosen], mate[chosen] = _strangers(scene, stream[chosen])
    gang = np.flatnonzero((draw > mates_from) & ~again)
    friend = _gang_mates(scene, stream[gang])
    gang, friend = gang[friend != line[gang]], friend[friend != line[gang]]
    number[gang], mate[gang], fresh[gang] = scene.people.number[friend], friend, False
    source = _sources(again, first, rng)
    number, mate, fresh = number[source], mate[source], fresh[source]
    chance = np.where(fresh | (source != np.arange(size)), _stream_values(scene, "answered", stream), _CONTACT_ANSWERS)
    answered, ring, talk = _outcomes(scene, stream, chance)
    return make_legs(
        streams, stream, at, kind=leg_kinds.CALL_OUT, number=number, mate=mate, fresh=fresh, answered=answered,
        ring=ring, talk=talk,
    )  # fmt: skip


def _look_up(book: ContactBook, entry: Ints) -> tuple[Ints, Ints]:
    if len(book.number) == 0:
        return np.zeros(len(entry), dtype=np.int64), np.full(len(entry), -1)
    return book.number[entry], book.mate[entry]


def _sources(again: Flags, first: Ints, rng: np.random.Generator) -> Ints:
    """Position of the earlier call whose callee is called again, resolved to its original call."""
    size = len(again)
    position = np.arange(size)
    back = position - 1 - np.floor(rng.exponential(7.0, size)).astype(np.int64)
    back = np.where(back < first, first + np.floor((position - first) * rng.random(size)).astype(np.int64), back)
    source = np.where(again, back, position)
    while True:
        further = source[source]
        if np.array_equal(further, source):
            return source
        source = further


def _retries(scene: Scene, out: Legs) -> Legs:
    """Retries of unanswered calls within minutes, up to three times."""
    rounds: list[Legs] = [out.take(np.zeros(0, dtype=np.int64))]
    last = out
    for _ in range(3):
        again = ~last.answered & (scene.rng.random(len(last)) < _stream_values(scene, "retry", last.stream))
        last = last.take(again)
        wait = (45.0 + scene.rng.exponential(420.0, len(last))) * SECOND_US
        answered, ring, talk = _outcomes(scene, last.stream, 0.8 * _stream_values(scene, "answered", last.stream))
        last = make_legs(
            scene.streams, last.stream, last.at + wait.astype(np.int64), kind=leg_kinds.CALL_OUT, number=last.number,
            mate=last.mate, fresh=last.fresh, answered=answered, ring=ring, talk=talk,
        )  # fmt: skip
        rounds.append(last)
    return gather_legs(rounds)


def _calls_back(scene: Scene, calls: Legs) -> Legs:
    """Calls back from strangers after missed or answered calls. Simulated lines call back through their own streams."""
    rng = scene.rng
    chance = _stream_values(scene, "back", calls.stream) * np.where(calls.answered, 0.4, 1.0)
    chosen = calls.take((calls.mate < 0) & calls.fresh & (rng.random(len(calls)) < chance))
    later = (60.0 + rng.exponential(5400.0, len(chosen))) * SECOND_US
    answered, ring, talk = _outcomes(scene, chosen.stream, np.full(len(chosen), 0.75))
    return make_legs(
        scene.streams, chosen.stream, chosen.at + chosen.talk * SECOND_US + later.astype(np.int64),
        kind=leg_kinds.CALL_IN, number=chosen.number, mate=chosen.mate, fresh=chosen.fresh, answered=answered,
        ring=ring, talk=talk,
    )  # fmt: skip


def _parties(scene: Scene, stream: Ints, share: str) -> tuple[Ints, Ints, Flags]:
    """Other parties: strangers in the given share of the cases, else contacts."""
    line = scene.streams.line[stream]
    fresh = (scene.rng.random(len(stream)) < _stream_values(scene, share, stream)) | (scene.book.count[line] == 0)
    number, mate = _look_up(scene.book, scene.book.pick(line, scene.rng.random(len(stream))))
    chosen = np.flatnonzero(fresh)
    number[chosen], mate[chosen] = _strangers(scene, stream[chosen])
    return number, mate, fresh


def _calls_in(scene: Scene) -> Legs:
    """Incoming calls from outside the sample; calls from simulated lines are mirrored by `_other_legs`."""
    streams = scene.streams
    stream, at = event_times(streams, streams.values["inn"], scene.activity, scene.rng)
    number, mate, fresh = _parties(scene, stream, "in_fresh")
    chance = np.where(fresh, 0.62, _CONTACT_ANSWERS)
    answered, ring, talk = _outcomes(scene, stream, chance)
    calls = make_legs(
        streams, stream, at, kind=leg_kinds.CALL_IN, number=number, mate=mate, fresh=fresh, answered=answered,
        ring=ring, talk=talk,
    )  # fmt: skip
    forwarded = ~calls.answered & numbers.among(0.03, calls.line, 31)
    kind = np.where(forwarded, leg_kinds.CALL_FORWARDED, calls.kind).astype(np.int8)
    return replace(calls, kind=kind).take(mate < 0)


def _texts(scene: Scene) -> list[Legs]:
    streams, rng = scene.streams, scene.rng
    stream, at = event_times(streams, streams.values["texts_out"], scene.activity, rng)
    number, mate, fresh = _parties(scene, stream, "text_fresh")
    sent = make_legs(streams, stream, at, kind=leg_kinds.SMS_OUT, number=number, mate=mate, fresh=fresh)
    replied = sent.take((mate < 0) & (rng.random(len(sent)) < _stream_values(scene, "text_reply", stream)))
    later = (20.0 + rng.exponential(900.0, len(replied))) * SECOND_US
    replies = replace(
        replied, at=replied.at + later.astype(np.int64), kind=np.full(len(replied), leg_kinds.SMS_IN, dtype=np.int8)
    )
    stream, at = event_times(streams, streams.values["services"], scene.activity, rng)
    service = np.floor(_SERVICES * rng.random(len(stream)) ** 2.5).astype(np.int64)
    served = make_legs(
        streams, stream, at, kind=leg_kinds.SMS_IN, number=numbers.SERVICE + service,
        mate=np.full(len(stream), -1), fresh=np.zeros(len(stream), dtype=np.bool_),
    )  # fmt: skip
    return [sent, replies, served]


def _drop_absent_mates(scene: Scene, every: Legs) -> Legs:
    """Calls to a line that is not yet, or no longer, in service are unanswered."""
    mate = np.maximum(every.mate, 0)
    day = every.at / leg_kinds.DAY_US
    there = (every.mate < 0) | ((day >= scene.people.activated[mate]) & (day < scene.people.closed[mate]))
    text = every.kind >= leg_kinds.SMS_OUT
    answered = every.answered & (there | text)
    return replace(
        every,
        mate=np.where(there, every.mate, -1),
        answered=answered,
        talk=np.where(answered, every.talk, 0).astype(np.int32),
    )


def _other_legs(scene: Scene, every: Legs) -> Legs:
    """The legs of calls and texts as seen by the other simulated line."""
    primary = np.full(len(scene.people), -1)
    lines, firsts = np.unique(scene.streams.line, return_index=True)
    primary[lines] = firsts
    seen = every.take(every.mate >= 0)
    seen = seen.take(primary[seen.mate] >= 0)
    call = seen.kind == leg_kinds.CALL_OUT
    return replace(
        seen,
        line=seen.mate,
        stream=primary[seen.mate],
        kind=np.where(call, leg_kinds.CALL_IN, leg_kinds.SMS_IN).astype(np.int8),
        number=scene.people.number[seen.line],
        mate=seen.line,
    )
