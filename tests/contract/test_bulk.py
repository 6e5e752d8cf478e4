"""Bulk scoring: Arrow table in, Arrow table out; a dry run gives the same scores, records nothing and is marked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import polars as pl
import pyarrow as pa
import pytest

MEDIA_TYPE = "application/vnd.apache.arrow.stream"


def stream(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    whole: bytes = sink.getvalue().to_pybytes()
    return whole


def post(service: Any, table: pa.Table | bytes, **query: Any) -> httpx.Response:
    body = table if isinstance(table, bytes) else stream(table)
    answer: httpx.Response = service.client().post(
        "/v1/score/arrow", params=query, content=body, headers={"content-type": MEDIA_TYPE}
    )
    return answer


def table_of(answer: httpx.Response) -> pa.Table:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    return pa.ipc.open_stream(answer.content).read_all()


def by_id(*lines: Any) -> pa.Table:
    return pa.table({"line_id": list(lines)})


def test_bulk_by_id_equals_single_scores(service: Any) -> None:
    lines = [f"line-{i:03}" for i in range(50)]
    scored = table_of(post(service, by_id(*lines), request_id="bulk-1"))
    single = service.score("bulk-1-single", *lines).json()["decisions"]
    assert scored["line_id"].to_pylist() == lines
    for name in ("status", "margin", "probability", "probability_low", "probability_high", "tier"):
        assert scored[name].to_pylist() == [decision[name] for decision in single], name
    for row, decision in zip(scored.to_pylist(), single, strict=True):
        assert (row["action"], row["steps"], row["held_by"]) == (
            decision["action"]["kind"],
            decision["action"]["steps"],
            decision["action"]["held_by"],
        )
        assert [reason["zh"] for reason in row["reasons"]] == [reason["zh"] for reason in decision["reasons"]]


def test_bulk_decisions_are_recorded_and_can_be_replayed(service: Any) -> None:
    scored = table_of(post(service, by_id("line-001", "line-002"), request_id="bulk-2", reasons="false"))
    assert scored["reasons"].to_pylist() == [[], []]
    reviewer = service.client("reviewer")
    for decision_id in scored["decision_id"].to_pylist():
        assert reviewer.post(f"/v1/decisions/{decision_id}/replay").json()["identical"]
        why = reviewer.get(f"/v1/decisions/{decision_id}/explanation").json()
        assert why["log_odds"] == pytest.approx(why["base"] + why["calibration"] + sum(why["contributions"].values()))


def test_a_repeated_bulk_request_returns_the_same_answer(service: Any) -> None:
    first = post(service, by_id("line-003", "nobody"), request_id="bulk-3")
    again = post(service, by_id("line-003", "nobody"), request_id="bulk-3")
    assert first.content == again.content
    other = post(service, by_id("line-004"), request_id="bulk-3")
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "conflict"


def test_a_dry_run_gives_the_same_scores_records_nothing_and_is_marked(service: Any) -> None:
    lines = [f"line-{i:03}" for i in range(20)]
    dry = table_of(post(service, by_id(*lines, "nobody"), request_id="dry-1", dry_run="true"))
    wet = table_of(post(service, by_id(*lines, "nobody"), request_id="dry-1"))
    assert dry.schema.metadata == {b"request_id": b"dry-1", b"dry_run": b"true"}
    assert wet.schema.metadata == {b"request_id": b"dry-1", b"dry_run": b"false"}
    assert set(dry["decision_id"].to_pylist()) == {None}
    assert dry.drop_columns("decision_id") == wet.drop_columns("decision_id")
    history = service.client("reviewer").get("/v1/lines/line-015/decisions").json()["decisions"]
    assert sum(decision["request_id"] == "dry-1" for decision in history) == 1


def test_unknown_lines_come_last_with_a_problem(service: Any) -> None:
    scored = table_of(post(service, by_id("nobody", "line-005", "line-005"), request_id="bulk-4")).to_pylist()
    assert [row["line_id"] for row in scored] == ["line-005", "nobody"]
    assert [problem["code"] for problem in scored[0]["problems"]] == ["duplicate_line"]
    assert [problem["code"] for problem in scored[1]["problems"]] == ["unknown_line"]
    assert scored[1]["tier"] is None


def test_bulk_lines_with_records_equal_the_same_lines_in_json(service: Any, known: list[dict[str, Any]]) -> None:
    lines = known[:40]
    as_of = "2024-08-01T00:00:00Z"
    body = {"request_id": "bulk-5-json", "as_of": as_of, "lines": lines}
    single = service.client().post("/v1/score/records", json=body).json()["decisions"]
    table = pl.DataFrame(lines).to_arrow()
    scored = table_of(post(service, table, request_id="bulk-5", as_of=as_of))
    for name in ("line_id", "margin", "probability", "tier", "status"):
        assert scored[name].to_pylist() == [decision[name] for decision in single], name
    assert service.client("reviewer").post(f"/v1/decisions/{scored['decision_id'][0]}/replay").json()["identical"]


def test_bulk_accepts_timestamp_columns_and_numeric_ids(service: Any) -> None:
    record = {
        "peer_id": 7,
        "record_type": "call_out",
        "started_at": datetime(2024, 7, 30, tzinfo=UTC),
        "duration_s": 30,
        "answered": True,
    }
    rows = [{"line_id": 41, "records": [record]}, {"line_id": 42, "records": []}]
    scored = table_of(post(service, pl.DataFrame(rows).to_arrow(), request_id="bulk-6", as_of="2024-08-01"))
    codes = {row["line_id"]: [problem["code"] for problem in row["problems"]] for row in scored.to_pylist()}
    assert codes == {"41": ["account_missing", "inputs_missing"], "42": ["nothing_known"]}


def test_a_bad_record_affects_only_its_own_line(service: Any, known: list[dict[str, Any]]) -> None:
    good, bad = known[0], {**known[1], "records": [{**known[1]["records"][0], "duration_s": -1}]}
    scored = table_of(post(service, pl.DataFrame([good, bad]).to_arrow(), request_id="bulk-7")).to_pylist()
    assert scored[0]["tier"] is not None
    (problem,) = scored[1]["problems"]
    assert problem["message"] == "records[0].duration_s: expected 0 or more; found -1"


@pytest.mark.parametrize(
    ("table", "query", "status", "field"),
    [
        (pa.table({"id": ["a"]}), {}, 422, "id"),
        (pa.table({"line_id": pa.array([], pa.string())}), {}, 422, "line_id"),
        (pa.table({"line_id": [None, "a"]}), {}, 422, "line_id[0]"),
        (pa.table({"line_id": ["a", "\x00"]}), {}, 422, "line_id[1]"),
        (pa.table({"line_id": [1.5]}), {}, 422, "line_id"),
        (pa.table({"line_id": ["a"], "records": [1]}), {}, 422, "records"),
        (pa.table({"line_id": ["a"], "records": [[{"peer_id": "p"}]]}), {}, 422, "records.duration_s"),
        (pa.table({"line_id": ["a"], "account": ["x"], "records": [[]]}), {}, 422, "account"),
        (pa.table({"line_id": ["a"]}), {"dry_run": "yes"}, 422, "dry_run"),
        (pa.table({"line_id": ["a"]}), {"as_of": "yesterday"}, 422, "as_of"),
        (pa.table({"line_id": ["a"]}), {"colour": "red"}, 422, "colour"),
        (pa.table({"line_id": ["a"]}), {"request_id": ""}, 422, "request_id"),
        (pa.table({"line_id": [str(i) for i in range(20_001)]}), {}, 422, "line_id"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict | str) else None,
)
def test_a_wrong_table_names_the_column(
    service: Any, table: pa.Table, query: dict[str, str], status: int, field: str
) -> None:
    answer = post(service, table, **{"request_id": "bulk-wrong", **query})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["field"] == field


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_compressed_table_is_refused(service: Any, codec: str) -> None:
    answer = post(service, stream(by_id(*["line-001"] * 5_000), compression=codec), request_id="bulk-packed")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "malformed"


@pytest.mark.parametrize("cut", [0, 1, 7, 60, 200, -9])
def test_a_truncated_stream_is_malformed(service: Any, cut: int) -> None:
    whole = stream(by_id(*(f"line-{i:03}" for i in range(40))))
    answer = post(service, whole[:cut], request_id="bulk-cut")
    assert answer.status_code == 400, answer.text


def test_another_kind_of_body_is_refused(service: Any) -> None:
    answer = service.client().post("/v1/score/arrow", params={"request_id": "x"}, json={"lines": []})
    assert answer.status_code == 415
