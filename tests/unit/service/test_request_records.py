"""Features of the records in a request equal those of training."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from linerisk.as_of import iso
from linerisk.features.build import Surveyed, survey_store
from linerisk.features.catalogue import FEATURE_NAMES, WITH_REFERENCE
from linerisk.features.reference import Reference
from linerisk.service.request_records import ComputedFeatures, as_columns, compute_features
from linerisk.service.request_types import AccountBody, LineWithRecords, RecordBody
from linerisk.tables.identity import key_of_id
from linerisk.tables.intake import ingest
from linerisk.tables.store import RecordStore

AS_OF = datetime(2024, 8, 1, tzinfo=UTC)
NOW = datetime(2024, 8, 2, tzinfo=UTC)
SECRET = b"a secret of sixteen bytes or more"
SHANGHAI = "Asia/Shanghai"


def computed(*lines: LineWithRecords, reference: Reference | None = None) -> ComputedFeatures:
    return compute_features(
        as_columns(lines),
        columns=FEATURE_NAMES,
        reference=reference,
        as_of=AS_OF,
        now=NOW,
        secret=SECRET,
        time_zone=SHANGHAI,
    )


def account(**changes: Any) -> AccountBody:
    known: dict[str, Any] = {
        "activated_on": "2024-01-01",
        "home_area": "440300",
        "plan_kind": "prepaid",
        "status": "active",
    }
    return AccountBody(**{**known, **changes})


def record(**changes: Any) -> RecordBody:
    known = {"peer_id": "p", "record_type": "call_out", "started_at": "2024-07-30T10:00:00Z", "duration_s": 30}
    return RecordBody(**{**known, **changes})


def some_lines(seed: int = 5, number: int = 20) -> list[LineWithRecords]:
    """Lines with sixty records each, shared devices and cells, some missing values."""
    rng = np.random.default_rng(seed)
    lines = []
    for line in range(number):
        records = [
            record(
                peer_id=f"p{rng.integers(0, 60)}",
                record_type=str(rng.choice(["call_out", "call_in", "sms_in", "sms_out", "call_forwarded"])),
                started_at=iso(AS_OF - timedelta(seconds=int(rng.integers(-86_400, 60 * 86_400)))),
                duration_s=int(rng.integers(1, 400)),
                ring_s=float(rng.random() * 30),
                answered=bool(rng.random() < 0.7),
                peer_kind=str(rng.choice(["mobile", "virtual"])),
                peer_area=str(rng.choice(["440300", "510100"])),
                visited_area=None if rng.random() < 0.1 else "440300",
                cell_id=int(rng.integers(0, 9)),
                device_id=f"d{rng.integers(0, 15)}",
            )
            for _ in range(60)
        ]
        known = account(known_at="2024-05-01T00:00:00Z", holder_id=f"h{line // 3}", number_since="2020-02-29")
        lines.append(LineWithRecords(line_id=f"line-{line}", records=[*records, records[0]], account=known))
    return lines


def stored(lines: list[LineWithRecords], folder: Path) -> Surveyed:
    """The same records, with labels of every tenth line, through a source folder, the intake and the store."""
    source = folder / "source"
    source.mkdir()
    for name, rows in {
        "call_records": [{"line_id": line.line_id, **msgspec.to_builtins(r)} for line in lines for r in line.records],
        "accounts": [{"line_id": line.line_id, **msgspec.to_builtins(line.account)} for line in lines],
        "labels": [
            {
                "line_id": line.line_id,
                "label": "fraud",
                "source": "police",
                "occurred_at": iso(AS_OF - timedelta(days=9)),
                "known_at": iso(AS_OF - timedelta(days=2)),
            }
            for line in lines[::10]
        ],
    }.items():
        pl.DataFrame(rows, infer_schema_length=None).write_csv(source / f"{name}.csv")
    ingest(source, folder / "store", secret=SECRET)
    return survey_store(RecordStore.open(folder / "store"), as_of=AS_OF, time_zone=SHANGHAI)


def test_the_features_of_a_request_are_those_of_the_store_bit_for_bit(tmp_path: Path) -> None:
    lines = some_lines(number=110)
    survey = stored(lines, tmp_path)
    features = survey.features.select(pl.exclude("line_key").fill_null(float("nan"))).to_numpy()
    made = computed(*lines, reference=survey.reference)
    assert made.problems == []
    order = np.argsort([key_of_id(line.line_id, secret=SECRET) for line in lines])
    assert np.isfinite(made.rows).mean() > 0.5
    assert made.rows[order].tobytes() == features.astype(np.float32).tobytes()
    for name in WITH_REFERENCE[:4]:
        assert (made.rows[:, FEATURE_NAMES.index(name)] > 0).mean() > 0.1, name


def test_unrelated_lines_do_not_change_the_features_of_a_line() -> None:
    lines = some_lines()
    unrelated = LineWithRecords(line_id="apart", records=[record(device_id="own", cell_id="own")], account=account())
    np.testing.assert_array_equal(computed(*lines, unrelated).rows[-1], computed(unrelated).rows[0])


def test_a_record_without_an_arrival_time_is_known_from_the_end_of_the_call() -> None:
    over_too_late = record(started_at="2024-07-31T23:59:50Z", duration_s=30)
    in_time = record(started_at="2024-07-31T23:59:50Z", duration_s=10)
    late = computed(LineWithRecords(line_id="a", records=[over_too_late], account=account())).rows
    early = computed(LineWithRecords(line_id="a", records=[in_time], account=account())).rows
    column = FEATURE_NAMES.index("out_calls_count_24h")
    assert (late[0, column], early[0, column]) == (0.0, 1.0)


def test_the_first_bad_record_of_a_line_is_reported() -> None:
    lines = [
        LineWithRecords(line_id="bad", records=[record(), record(duration_s=-1), record(started_at="?")]),
        LineWithRecords(line_id="good", records=[record()], account=account()),
        LineWithRecords(line_id="worse", records=[record(record_type="x")], account=account(status="y")),
    ]
    made = computed(*lines)
    assert made.positions == [1]
    codes = "call_out, call_in, call_forwarded, sms_out, sms_in"
    assert [(problem.line_id, problem.code, problem.message) for problem in made.problems] == [
        ("bad", "wrong_value", "records[1].duration_s: expected 0 or more; found -1"),
        (
            "worse",
            "wrong_value",
            f'records[0].record_type: expected one of {codes}; found "x"',
        ),
    ]


def test_the_verification_time_comes_from_the_account() -> None:
    verified = account(last_verified_at="2024-07-31T00:00:00Z")
    made = computed(
        LineWithRecords(line_id="a", records=[], account=verified),
        LineWithRecords(line_id="b", records=[record()]),
        LineWithRecords(line_id="c", records=[], account=account()),
    )
    assert made.with_account == [True, False, True]
    assert made.last_verified == [datetime(2024, 7, 31, tzinfo=UTC), None, None]


@pytest.mark.parametrize("known_at", ["2024-08-01T00:00:01Z", "2024-08-02T00:00:00Z"])
def test_an_account_known_only_after_as_of_has_no_features(known_at: str) -> None:
    made = computed(LineWithRecords(line_id="a", records=[], account=account(known_at=known_at)))
    assert made.positions == []
    assert [problem.code for problem in made.problems] == ["nothing_known"]
