"""Two independent roads: every feature of records worked out again in plain Python, one line and one row at a time."""

import math
import random
import statistics
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from linerisk.features.build import build_store
from linerisk.features.catalogue import FEATURES
from linerisk.features.spec import Frames
from linerisk.tables.schemas import PEER_KINDS, RECORD_TYPES, Accounts, Labels, Records

AS_OF = datetime(2024, 6, 30, 20, 17, 3, tzinfo=UTC)
LOCAL = ZoneInfo("Asia/Shanghai")
HOME = 440300
LINES = 12
TENURE = 20
DAY = 86_400
WINDOWS = {"1h": 3600, "24h": DAY, "7d": 7 * DAY, "28d": 28 * DAY}

KINDS = {"virtual": {"virtual"}, "international": {"international"}, "grey": {"short_code", "unknown"}}

FINDINGS = [
    ("fraud", "police"),
    ("fraud", "complaint"),
    ("fraud", "verification_failed"),
    ("legitimate", "dispute_cleared"),
    ("legitimate", "verification_passed"),
]

Row = dict[str, Any]


def random_rows(seed: int) -> list[Row]:
    """Lines with different habits, from silent to machine, nulls in every nullable column."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    rows = []
    for line in range(LINES):
        parties = rng.choice([2, 15, 200])
        silent_s = rng.choice([0, 0, 0, 70 * DAY])
        for _ in range(rng.choice([0, 1, 3, 40, 400, 900])):
            age = int(rng.choice([1, 7, 28, 60]) * DAY * rng.random()) + silent_s
            kind = rng.choices(RECORD_TYPES, [line % 5 + 1, 2, 0.2, 1, 1])[0]
            answered = rng.choice([True, True, False, None])
            peer = int(parties * rng.random() ** 2) + rng.choice([0, 0, 100 * line])
            started = AS_OF - timedelta(seconds=age)
            row = {
                "line_key": line,
                "peer_key": peer,
                "peer_block": rng.choice([peer // 10, peer // 10, None]),
                "record_type": kind,
                "started_at": started,
                "received_at": started + timedelta(seconds=rng.choice([60, 60, 60, DAY])),
                "ring_s": rng.choice([None, 0, 2, 3.5, 12.25]),
                "duration_s": 0 if answered is False else rng.choice([1, 2, 10, 11, 70, 180, 2000]),
                "answered": answered,
                "peer_kind": rng.choice([None, "mobile", *PEER_KINDS]),
                "peer_area": rng.choice([HOME, HOME + 5, 440100, 510100, None]),
                "visited_area": rng.choice([HOME, HOME, HOME + 4, 440100, None]),
                "cell_key": rng.choice([line % 3, line % 3, 7, None]),
                "device_key": rng.choice([line // 3, 100 + line, None]),
                "device_model": None,
            }
            rows += [row] * rng.choice([1, 1, 1, 3])
    return rows


def random_labels(seed: int) -> list[Row]:
    """Findings of every kind that counts or does not: old, not known yet, taken back, firm."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    rows = []
    for line in range(LINES):
        for _ in range(rng.choice([0, 1, 1, 2])):
            occurred = AS_OF - timedelta(days=rng.choice([2, 30, 89, 90, 95]))
            label, source = rng.choice(FINDINGS)
            known = occurred + timedelta(days=rng.choice([1, 20, 40]))
            rows.append(
                {"line_key": line, "label": label, "source": source, "occurred_at": occurred, "known_at": known}
            )
    return rows


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def mean(values: list[float]) -> float | None:
    return share(sum(values), len(values))


def evenness(counts: list[int]) -> float | None:
    if len(counts) < 2:
        return None
    total = sum(counts)
    return -sum(n / total * math.log(n / total) for n in counts) / math.log(len(counts))


def agree(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-5, abs_tol=1e-6)


def answered(row: Row) -> bool:
    return bool(row["duration_s"] > 0 if row["answered"] is None else row["answered"])


def local(row: Row) -> datetime:
    started: datetime = row["started_at"]
    return started.astimezone(LOCAL)


def area(code: int | None) -> str | None:
    return None if code is None else str(code)[:4]


def differ(left: str | None, right: str | None) -> bool | None:
    return None if left is None or right is None else left != right


def one_ring(row: Row) -> bool:
    given_up = row["record_type"] == "call_out" and not answered(row)
    return given_up and row["ring_s"] is not None and row["ring_s"] <= 2


def variation(values: list[int]) -> float | None:
    average = mean([float(value) for value in values])
    if len(values) < 2 or not average:
        return None
    return math.sqrt(sum((value - average) ** 2 for value in values) / len(values)) / average


def among_known(flags: list[bool | None]) -> float | None:
    known = [flag for flag in flags if flag is not None]
    return share(sum(known), len(known))


def out_of_town(calls: list[Row]) -> float | None:
    readings = [
        (differ(area(row["peer_area"]), "4403"), differ(area(row["peer_area"]), area(row["visited_area"])))
        for row in calls
    ]
    return among_known([None if None in (home, here) else home and here for home, here in readings])


def attempts(calls: list[Row]) -> dict[int, list[bool]]:
    """Per callee its attempts with redials merged, each as whether it was answered."""
    merged: dict[int, list[bool]] = defaultdict(list)
    last: dict[int, int] = {}
    for call in sorted(calls, key=lambda call: -call["age"]):
        peer = call["peer_key"]
        if peer in last and last[peer] - call["age"] <= 1800:
            merged[peer][-1] |= answered(call)
        else:
            merged[peer].append(answered(call))
        last[peer] = call["age"]
    return merged


def of_window(rows: list[Row], history: list[Row], name: str) -> dict[str, float | None]:
    """Features that exist for several windows, over the rows of one."""
    start = WINDOWS[name]
    out = [row for row in rows if row["record_type"] == "call_out"]
    inn = [row for row in rows if row["record_type"] == "call_in"]
    texts = [row for row in rows if row["record_type"] == "sms_out"]
    talks = [row for row in out if answered(row)]
    callees = {row["peer_key"] for row in out}
    before = {row["peer_key"] for row in history if row["age"] >= start and row["record_type"] != "call_forwarded"}
    merged = attempts(out)
    tries = [flag for flags in merged.values() for flag in flags]
    once = sum(len(flags) == 1 for flags in merged.values())
    texted = {row["peer_key"] for row in texts}
    rung = [row for row in out if row["ring_s"] is not None]
    forwarded = [row for row in rows if row["record_type"] == "call_forwarded"]
    contacts = {row["peer_key"] for row in rows if row["record_type"] != "call_forwarded"}
    values = {
        "very_short_call_share": share(sum(row["duration_s"] <= 2 for row in talks), len(talks)),
        "median_call_duration_s": statistics.median([row["duration_s"] for row in talks]) if talks else None,
        "call_duration_cv": variation([row["duration_s"] for row in talks]),
        "no_ring_call_share": share(sum(not answered(row) and row["ring_s"] == 0 for row in rung), len(rung)),
        "one_ring_call_share": share(sum(one_ring(row) for row in out), len(rung)),
        "forwarded_call_share": share(len(forwarded), len(forwarded) + len(inn)),
        "answered_in_call_share": share(sum(map(answered, inn)), len(inn)),
        "distinct_contacts_count": len(contacts),
        "new_text_recipients_count": len(texted - before),
        **{
            f"{name}_callee_share": share(
                len({row["peer_key"] for row in out if row["peer_kind"] in kinds}), len(callees)
            )
            for name, kinds in KINDS.items()
        },
        "out_calls_count": len(out),
        "in_calls_count": len(inn),
        "out_call_share": share(len(out), len(out) + len(inn)),
        "short_call_share": share(sum(row["duration_s"] <= 10 for row in talks), len(talks)),
        "long_call_share": share(sum(row["duration_s"] >= 180 for row in talks), len(talks)),
        "mean_call_duration_s": mean([row["duration_s"] for row in talks]),
        "mean_ring_s": mean([row["ring_s"] for row in out if row["ring_s"] is not None]),
        "forwarded_calls_count": sum(row["record_type"] == "call_forwarded" for row in rows),
        "out_texts_count": len(texts),
        "distinct_callees_count": len(callees),
        "calls_per_callee": share(len(tries), len(callees)),
        "answered_call_share": share(sum(tries), len(tries)),
        "one_shot_callee_share": share(once, len(callees)),
        "new_callees_count": len(callees - before),
        "new_callee_share": share(len(callees - before), len(callees)),
        "reciprocal_callee_share": share(len(callees & {row["peer_key"] for row in inn}), len(callees)),
        "callee_entropy": evenness([len(flags) for flags in merged.values()]),
        "top_callee_share": share(max(map(len, merged.values()), default=0), len(tries)),
        "text_recipients_count": len(texted),
        "text_reply_share": share(
            len(texted & {row["peer_key"] for row in rows if row["record_type"] == "sms_in"}), len(texted)
        ),
        "out_of_town_share": out_of_town(out),
        "out_of_home_share": among_known([differ(area(row["peer_area"]), "4403") for row in out]),
        "out_of_visited_share": among_known([differ(area(row["peer_area"]), area(row["visited_area"])) for row in out]),
        "away_call_share": among_known([differ(area(row["visited_area"]), "4403") for row in out]),
        **places(rows, out),
        **rhythm(rows, out),
    }
    return {f"{stem}_{name}": value for stem, value in values.items()}


def places(rows: list[Row], out: list[Row]) -> dict[str, float | None]:
    called = Counter(area(row["peer_area"]) for row in out if row["peer_area"] is not None)
    cells = Counter(row["cell_key"] for row in rows if row["cell_key"] is not None)
    devices = {row["device_key"] for row in rows if row["device_key"] is not None}
    per_day = {(row["age"] // DAY, row["device_key"]) for row in rows if row["device_key"] is not None}
    hours: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for row in rows:
        if row["cell_key"] is not None:
            hours[row["cell_key"]] |= {(row["age"] // DAY, local(row).hour)} if 9 <= local(row).hour < 18 else set()
    return {
        "callee_area_entropy": evenness(list(called.values())),
        "distinct_callee_areas_count": len(called) or None,
        "distinct_visited_areas_count": len({area(row["visited_area"]) for row in rows} - {None}) or None,
        "distinct_cells_count": len(cells) or None,
        "main_cell_share": share(max(cells.values(), default=0), sum(cells.values())),
        "main_cell_office_hours_count": max(map(len, hours.values()), default=None),
        "distinct_devices_count": len(devices) or None,
        "extra_device_days_count": len(per_day) - len({day for day, _ in per_day}) if devices else None,
    }


def rhythm(rows: list[Row], out: list[Row]) -> dict[str, float | None]:
    def fullest(slot_s: int) -> int:
        return max(Counter(row["age"] // slot_s for row in out).values(), default=0)

    clock = [local(row) for row in out]
    texts = Counter(row["age"] // 3600 for row in rows if row["record_type"] == "sms_out")
    days: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        days[row["age"] // DAY].append(row["record_type"])
    ages = sorted((row["age"] for row in out), reverse=True)
    gaps = [early - late for early, late in pairwise(ages) if early - late <= DAY]
    sequence = sorted(
        (row for row in out if row["peer_block"] is not None),
        key=lambda row: (-row["age"], row["peer_key"], row["peer_block"]),
    )
    swept = [
        late["peer_block"] == early["peer_block"] and late["peer_key"] != early["peer_key"]
        for early, late in pairwise(sequence)
    ]
    runs = [list(run) for sweeping, run in groupby(swept) if sweeping]
    return {
        "max_out_calls_count_10min": fullest(600),
        "max_out_calls_count_1h": fullest(3600),
        "max_out_calls_count_1d": fullest(DAY),
        "active_days_count": sum("call_out" in kinds or "call_in" in kinds for kinds in days.values()),
        "zero_in_days_count": sum(kinds.count("call_out") >= 10 and "call_in" not in kinds for kinds in days.values()),
        "active_hours_count": len({instant.hour for instant in clock}),
        "night_call_share": share(sum(instant.hour in {23, 0, 1, 2, 3, 4, 5} for instant in clock), len(clock)),
        "office_call_share": share(sum(9 <= instant.hour <= 17 for instant in clock), len(clock)),
        "weekend_call_share": share(sum(instant.isoweekday() in {6, 7} for instant in clock), len(clock)),
        "max_out_texts_count_1h": max(texts.values(), default=0),
        "min_gap_s": min(gaps, default=None),
        "mean_gap_s": mean(gaps),
        "gap_cv": variation(gaps),
        "longest_sweep_count": max((len(run) for run in runs), default=0) if sequence else None,
        "same_block_callee_share": share(sum(swept), len(swept)),
    }


def against_own_past(history: list[Row]) -> dict[str, float | None]:
    def ratio(now: float, before: float, periods: float) -> float | None:
        return (now + 1) / (before / periods + 1) if history else None

    def used(row: Row) -> bool:
        return row["record_type"] in {"call_out", "sms_out"} or (row["record_type"] == "call_in" and answered(row))

    week, weeks = ([row for row in history if (row["age"] < 7 * DAY) is recent] for recent in (True, False))
    calls, calls_before = ([row for row in rows if row["record_type"] == "call_out"] for rows in (week, weeks))
    texts, texts_before = (sum(row["record_type"] == "sms_out" for row in rows) for rows in (week, weeks))
    today = sum(row["age"] < DAY for row in calls)
    now = [row["age"] // DAY for row in week if used(row)]
    past = [row["age"] // DAY for row in weeks if used(row)]
    silent = None if not now else 49 if not past else min(past) - max(now) - 1
    town, town_before = out_of_town(calls), out_of_town(calls_before)
    return {
        "out_calls_vs_own_past_ratio_24h": ratio(today, len(calls) + len(calls_before) - today, 55),
        "out_calls_vs_own_past_ratio_7d": ratio(len(calls), len(calls_before), 7),
        "out_texts_vs_own_past_ratio_7d": ratio(texts, texts_before, 7),
        "callees_vs_own_past_ratio_7d": ratio(
            len({row["peer_key"] for row in calls}),
            len({(row["peer_key"], row["age"] // (7 * DAY)) for row in calls_before}),
            7,
        )
        if any(row["record_type"] != "call_forwarded" for row in history)
        else None,
        "out_of_town_vs_own_past_ratio_7d": None
        if town is None or town_before is None
        else (town + 0.1) / (town_before + 0.1),
        "hour_profile_distance_7d": profile_distance(calls, calls_before),
        "silent_days_before_7d": silent,
        "calls_after_silence_count_7d": len(calls) if silent is not None and silent >= 30 else 0,
        **first_and_last(history),
    }


def profile_distance(calls: list[Row], before: list[Row]) -> float | None:
    if not calls or not before:
        return None
    now, then = (Counter(local(row).hour for row in rows) for rows in (calls, before))
    return sum(abs(now[hour] / len(calls) - then[hour] / len(before)) for hour in range(24)) / 2


def first_and_last(history: list[Row]) -> dict[str, float | None]:
    """Features of the order in which things happened between a line and a party, or a line and a handset."""
    back = 0
    first_called: Counter[int] = Counter()
    for peer in {row["peer_key"] for row in history}:
        rows = [row for row in history if row["peer_key"] == peer and row["record_type"] != "call_forwarded"]
        rings = [row["age"] for row in rows if one_ring(row) and row["age"] < 7 * DAY]
        calls_in = [row["age"] for row in rows if row["record_type"] == "call_in"]
        back += bool(rings and calls_in and min(calls_in) < max(rings))
        met = max((row["age"] // DAY for row in rows), default=None)
        if any(row["record_type"] == "call_out" and row["age"] // DAY == met for row in rows):
            first_called[met] += 1
    bursts = [day for day, parties in first_called.items() if parties >= 20 and day < 28]
    handsets, before = (
        {row["device_key"] for row in history if (row["age"] < 7 * DAY) is recent} - {None} for recent in (True, False)
    )
    return {
        "one_ring_call_backs_count_7d": back,
        "days_to_burst_28d": max(TENURE - max(bursts), 0) if bursts else None,
        "new_devices_count_7d": len(handsets - before) if handsets | before else None,
    }


def shared(known: list[Row], line: int) -> dict[str, float | None]:
    lines: dict[int, set[int]] = defaultdict(set)
    calls: Counter[tuple[int, int]] = Counter()
    for row in known:
        if row["age"] < 28 * DAY and row["device_key"] is not None:
            lines[row["device_key"]].add(row["line_key"])
        if row["age"] < 7 * DAY and row["record_type"] == "call_out" and row["cell_key"] is not None:
            calls[row["cell_key"], row["line_key"]] += 1
    busy = [key for key, number in calls.items() if number >= 50]
    return {
        "max_lines_per_device_count_28d": max((len(on) for on in lines.values() if line in on), default=None),
        "busy_lines_per_cell_count_7d": max(
            (sum(cell == other for other, _ in busy) for cell, who in busy if who == line), default=0
        ),
    }


def found_lines(labels: list[Row]) -> set[int]:
    known = [row for row in labels if row["known_at"] <= AS_OF]
    return {
        row["line_key"]
        for row in known
        if row["label"] == "fraud"
        and AS_OF - timedelta(days=90) < row["occurred_at"]
        and not (
            row["source"] in {"complaint", "verification_failed"}
            and any(
                other["line_key"] == row["line_key"]
                and other["source"] == "dispute_cleared"
                and other["known_at"] >= row["known_at"]
                for other in known
            )
        )
    }


def communities(ever: list[Row], found: set[int], line: int) -> dict[str, float | None]:
    """What a line has in common with others, from all records known, however old."""
    met: dict[int, dict[int, int]] = defaultdict(dict)
    for row in ever:
        if row["record_type"] != "call_forwarded":
            last = met[row["line_key"]]
            last[row["peer_key"]] = min(row["age"], last.get(row["peer_key"], row["age"]))
    of_found = {
        other: {peer for peer, age in met[other].items() if age < min(met[other].values()) + 28 * DAY}
        for other in found
        if met[other]
    }
    recent = {other: {peer for peer, age in last.items() if age < 28 * DAY} for other, last in met.items()}
    called = {
        window: {
            row["peer_key"]
            for row in ever
            if row["line_key"] == line and row["record_type"] == "call_out" and row["age"] < WINDOWS[window]
        }
        for window in ("7d", "28d")
    }
    weight: dict[int, float] = {}
    for peer in called["28d"]:
        by_found = {other for other, peers in of_found.items() if peer in peers} - {line}
        others = by_found | {other for other, peers in recent.items() if peer in peers} - {line}
        if by_found and len(others) <= 100:
            weight[peer] = 1 / math.log2(1 + len(others))
    return {
        "found_line_shared_callee_count_7d": len(called["7d"] & weight.keys()),
        "found_line_shared_callee_share_28d": share(len(weight), len(called["28d"])),
        "found_line_shared_callee_weight_7d": sum(weight[peer] for peer in called["7d"] & weight.keys()),
        "found_line_shared_callee_weight_28d": sum(weight.values()),
        "found_line_contacts_count_28d": len(recent.get(line, set()) & found - {line}),
    }


SEGMENT_LINES = 3
COMPARED = {
    "out_calls_vs_segment_ratio_7d": ("out_calls_count_7d", 1),
    "callees_vs_segment_ratio_7d": ("distinct_callees_count_7d", 1),
    "new_callees_vs_segment_ratio_7d": ("new_callees_count_7d", 1),
    "out_of_town_vs_segment_ratio_7d": ("out_of_town_share_7d", 0.1),
    "night_vs_segment_ratio_28d": ("night_call_share_28d", 0.1),
}


def against_segments(expected: dict[int, Row], accounts: list[Row]) -> None:
    """Add the ratios to features of all lines."""

    def usual(name: str, members: set[int]) -> float | None:
        in_use = [expected[line] for line in members if expected[line]["distinct_contacts_count_28d"]]
        values = [row[name] for row in in_use if row[name] is not None]
        return statistics.median(values) if len(values) >= SEGMENT_LINES else None

    plan = {row["line_key"]: row["plan_kind"] for row in accounts}
    declared = {row["line_key"]: row["declared_use"] is not None for row in accounts}
    for line, row in expected.items():
        for ratio, (name, floor) in COMPARED.items():
            mine = {other for other in plan if plan[other] == plan[line]}
            sides = [usual(name, {other for other in mine if declared[other] is side}) for side in (False, True)]
            everybody = usual(name, set(plan))
            without, with_use = (everybody if side is None else side for side in sides)
            level = without if not declared[line] or without is None else max(without, with_use)
            missing = row[name] is None or level is None
            row[ratio] = None if missing else (row[name] + floor) / (level + floor)


@pytest.mark.parametrize("seed", range(4))
def test_features_are_what_plain_python_makes_of_the_same_rows(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linerisk.features.segments.SEGMENT_LINES", SEGMENT_LINES)
    rows, labels = random_rows(seed), random_labels(seed)
    account = {
        "known_at": AS_OF,
        "activated_on": AS_OF.astimezone(LOCAL).date() - timedelta(days=TENURE),
        "home_area": HOME,
        "status": "active",
    }
    kinds = [{"plan_kind": plan, "declared_use": use} for plan in ("prepaid", "iot") for use in (None, "sales")]
    accounts = [{**account, **kinds[line * 7 % 10 % 4], "line_key": line} for line in range(LINES)]
    store = Frames(
        pl.DataFrame(rows, schema=Records.create_empty().schema),
        pl.DataFrame(accounts, schema=Accounts.create_empty().schema),
        pl.DataFrame(labels, schema=Labels.create_empty().schema),
    )
    table = build_store(store, as_of=AS_OF, time_zone="Asia/Shanghai")
    ever = [
        {**row, "age": int((AS_OF - row["started_at"]).total_seconds())} for row in rows if row["received_at"] <= AS_OF
    ]
    known = [row for row in ever if row["age"] < 56 * DAY]
    found = found_lines(labels)
    expected = {line: alone(known, line) | communities(ever, found, line) for line in range(LINES)}
    against_segments(expected, accounts)
    names = [feature.name for feature in FEATURES if feature.family != "tenure" or feature.name == "days_to_burst_28d"]
    for line in range(LINES):
        made, mine = table.row(by_predicate=pl.col("line_key") == line, named=True), expected[line]
        assert {name: (made[name], mine[name]) for name in names if not agree(made[name], mine[name])} == {}


def alone(known: list[Row], line: int) -> Row:
    """Features of a line that need no other line, or only those beside it on a handset or a cell."""
    history = [row for row in known if row["line_key"] == line]
    expected: Row = against_own_past(history) | shared(known, line)
    for window, seconds in WINDOWS.items():
        expected |= of_window([row for row in history if row["age"] < seconds], history, window)
    if not any(row["age"] < 28 * DAY and row["device_key"] is not None for row in history):
        expected["distinct_devices_count_7d"] = None
    elif expected["distinct_devices_count_7d"] is None:
        expected["distinct_devices_count_7d"] = 0  # there were handsets, and none this week
    return expected
