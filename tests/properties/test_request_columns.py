"""Lines of a JSON body become columns of just what was given, whatever is left out, null or a whole number."""

import msgspec
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from linerisk.service.request_records import TYPES, as_columns, required
from linerisk.service.request_types import AccountBody, LineWithRecords, RecordBody

IDS = st.text(max_size=8) | st.integers(-(2**63), 2**63 - 1)
TEXT = st.sampled_from(["call_out", "440300", "", "2024-07-15T00:24:05Z", "号码\n"])
IDS_OF = {"peer_id", "peer_block", "cell_id", "device_id", "device_model", "holder_id"}
NUMBERS = {
    "duration_s": st.integers(-(2**63), 2**63 - 1),
    "ring_s": st.floats(allow_nan=False, allow_infinity=False),
    "answered": st.booleans(),
}


def cells(name: str) -> st.SearchStrategy[object]:
    return NUMBERS.get(name, IDS if name in IDS_OF else TEXT)


def bodies(kind: type[msgspec.Struct]) -> st.SearchStrategy[msgspec.Struct]:
    """Bodies of which each optional field is given, null or left out."""
    return st.builds(
        kind,
        **{
            name: cells(name) if name in required(kind) else cells(name) | st.sampled_from([None, msgspec.UNSET])
            for name in kind.__struct_fields__
        },
    )


LINES = st.lists(
    st.builds(
        LineWithRecords,
        line_id=st.text(min_size=1, max_size=4),
        records=st.lists(bodies(RecordBody), max_size=6),
        account=bodies(AccountBody) | st.sampled_from([None, msgspec.UNSET]),
    ),
    min_size=1,
    max_size=6,
)


def plainly(rows: list[tuple[int, msgspec.Struct]], kind: type[msgspec.Struct]) -> dict[str, list[object]]:
    """Cell by cell; what nobody gave is no column unless it must be given."""
    columns: dict[str, list[object]] = {"line": [line for line, _ in rows]}
    for name in kind.__struct_fields__:
        said = [getattr(body, name) for _, body in rows]
        known = [None if cell is msgspec.UNSET else cell for cell in said]
        if name not in TYPES:
            known = [None if cell is None else str(cell) for cell in known]
        if name in required(kind) or any(cell is not None for cell in known):
            columns[name] = known
    return columns


@given(LINES)
def test_columns_hold_each_cell_as_it_was_given(lines: list[LineWithRecords]) -> None:
    made = as_columns(lines)
    records = [(at, record) for at, line in enumerate(lines) for record in line.records]
    accounts = [(at, line.account) for at, line in enumerate(lines) if isinstance(line.account, AccountBody)]
    assert made.records.to_dict(as_series=False) == plainly(list(records), RecordBody)
    assert made.accounts.to_dict(as_series=False) == plainly(list(accounts), AccountBody)
    for name, dtype in [*made.records.schema.items(), *made.accounts.schema.items()]:
        assert dtype == (pl.Int64() if name == "line" else TYPES.get(name, pl.String())), name
