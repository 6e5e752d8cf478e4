"""A run with too many bad rows keeps them for inspection and changes nothing else in the store."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from linerisk.errors import InputError
from linerisk.records.mapping import Mapping
from linerisk.tables.intake_report import IntakeReport
from linerisk.tables.store import RecordStore

Take = Callable[..., tuple[IntakeReport, RecordStore]]
Rows = Callable[..., pl.DataFrame]
KILLED_AT = """
import os, signal, sys
from pathlib import Path
from linerisk.errors import InputError
from linerisk.tables import durable_files, intake
left = int(sys.argv[3])
def counted(real):
    def call(*args):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    return call
os.replace, durable_files.sync = counted(os.replace), counted(durable_files.sync)
try:
    intake.ingest(Path(sys.argv[1]), Path(sys.argv[2]), secret=b"a secret of the tests, long enough")
except InputError:
    sys.exit(3)
"""


def refused(run_ingest: Take, rows: pl.DataFrame, **options: object) -> InputError:
    with pytest.raises(InputError) as error:
        run_ingest(rows, **options)
    return error.value


def test_rejected_rows_are_kept_and_the_error_names_their_folder(
    records: Rows, run_ingest: Take, tmp_path: Path
) -> None:
    error = refused(run_ingest, records({}, {"duration_s": "x"}, {"peer_kind": "martian"}))
    kept = tmp_path / "store" / "rejected" / "refused-1"
    assert str(kept) in str(error)
    rows = pl.read_parquet(kept / "*.parquet").sort("row")
    assert rows.select("rule", "file", "row").rows() == [
        ("duration_s|whole_number", "call_records.csv", 2),
        ("peer_kind|known_code", "call_records.csv", 3),
    ]


def test_two_rejected_files_of_one_name_are_both_kept(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / "s/call_records" / folder).mkdir(parents=True)
        records({"duration_s": folder}).write_csv(tmp_path / "s/call_records" / folder / "part.csv")
    with pytest.raises(InputError):
        run_ingest(tmp_path / "s")
    kept = pl.read_parquet(tmp_path / "store/rejected/refused-1/*.parquet")
    assert sorted(kept["duration_s"].to_list()) == ["a", "b"]


def test_only_the_next_refused_run_replaces_the_kept_rows(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    refused(run_ingest, records({"duration_s": "x"}))
    run_ingest(records({}))
    assert [path.name for path in (tmp_path / "store/rejected").iterdir()] == ["refused-1"]
    refused(run_ingest, records({"duration_s": "y"}))
    assert [path.name for path in (tmp_path / "store/rejected").iterdir()] == ["refused-2"]
    assert pl.read_parquet(tmp_path / "store/rejected/refused-2/*.parquet")["duration_s"].to_list() == ["y"]
    assert not (tmp_path / "store/staging").exists()


def test_the_error_lists_wrong_and_allowed_values(accounts: Rows, run_ingest: Take) -> None:
    rows = accounts(*({"plan_kind": word} for word in ("PRE", "PRE", "a\x1b[2Jb", "long " * 20, "z", "z")))
    error = refused(run_ingest, rows, table="accounts")
    found = str(error.found)
    assert "plan_kind|known_code in 6 rows, the first in row 1 of accounts.csv" in found
    assert r"found 'PRE', 'z', 'a\x1b[2Jb'; allowed prepaid, postpaid, enterprise, iot" in found
    assert found.isprintable()


def test_a_long_value_is_truncated_to_forty_characters(accounts: Rows, run_ingest: Take) -> None:
    found = str(refused(run_ingest, accounts({"plan_kind": "long " * 20}), table="accounts").found)
    assert f"'{('long ' * 20)[:39]}…'" in found


def test_the_error_lists_codes_of_the_mapping_as_allowed(accounts: Rows, run_ingest: Take) -> None:
    mapping = Mapping.model_validate({"name": "x", "accounts": [{"codes": {"plan_kind": {"PRE": "prepaid"}}}]})
    error = refused(run_ingest, accounts({"plan_kind": "POST"}), table="accounts", mapping=mapping)
    assert "found 'POST'; allowed prepaid, postpaid, enterprise, iot, and by the mapping PRE" in str(error.found)


@pytest.mark.parametrize("number", ["13800138000", "f00dfeed1234abcd", "007"])
def test_a_value_that_may_be_an_id_is_not_quoted(accounts: Rows, run_ingest: Take, number: str) -> None:
    error = refused(run_ingest, accounts({"plan_kind": number}), table="accounts")
    assert number not in str(error).replace("0.00", "")
    assert "found what may be an id" in str(error)


def test_a_column_of_many_wrong_values_is_not_quoted(accounts: Rows, run_ingest: Take) -> None:
    error = refused(run_ingest, accounts(*({"plan_kind": f"u{n}"} for n in range(30))), table="accounts")
    assert "more than 20 different values" in str(error.found)
    assert "u1" not in str(error.found)


def test_every_table_with_too_many_bad_rows_is_named(source: Path, run_ingest: Take) -> None:
    for table in ("accounts", "labels"):
        text = (source / f"{table}.csv").read_text()
        (source / f"{table}.csv").write_text(text.replace("prepaid", "x").replace("fraud", "x"))
    with pytest.raises(InputError, match="too many rows of accounts and labels are bad") as error:
        run_ingest(source)
    assert "label|known_code in 1 rows" in str(error.value)


def test_a_killed_refused_run_keeps_all_rejected_rows_or_none(records: Rows, run_ingest: Take, tmp_path: Path) -> None:
    _, before = run_ingest(records({}))
    (tmp_path / "bad" / "call_records").mkdir(parents=True)
    for part in "abc":
        records({"duration_s": part}, {"duration_s": "x"}).write_csv(tmp_path / f"bad/call_records/{part}.csv")
    seen, code, moment = set(), None, 0
    while code != 3:
        moment += 1
        assert moment < 40
        command = [sys.executable, "-c", KILLED_AT, str(tmp_path / "bad"), str(tmp_path / "store"), str(moment)]
        code = subprocess.run(command, check=False, timeout=30).returncode
        assert code in (3, -signal.SIGKILL)
        kept = list((tmp_path / "store").glob("rejected/refused-*"))
        heights = {pl.read_parquet(folder / "*.parquet").height for folder in kept}
        assert heights <= {6}
        seen.add(len(kept))
        assert RecordStore.open(tmp_path / "store").fingerprint == before.fingerprint
    assert 0 in seen
    assert 1 in seen
    assert moment > 5
    assert len(kept) == 1


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_and_folders_are_private_to_their_owner(
    records: Rows, source: Path, run_ingest: Take, tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "store").mkdir(mode=0o755)
        run_ingest(source)
        run_ingest(records({}, {"line_id": "9", "duration_s": "-1"}), max_rejected=0.5)
        refused(run_ingest, records({"duration_s": "-2"}))
    finally:
        os.umask(before)
    found = [tmp_path / "store", *(tmp_path / "store").rglob("*")]
    assert {path.name for path in found} >= {"days", "tables", "rejected", "refused-1", "manifest.json", ".lock"}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}


def test_a_mapping_to_an_unknown_code_is_reported(accounts: Rows, run_ingest: Take) -> None:
    mapping = Mapping.model_validate({"name": "x", "accounts": [{"codes": {"plan_kind": {"PRE": "pre-paid"}}}]})
    error = refused(run_ingest, accounts({}), table="accounts", mapping=mapping)
    assert error.field == "accounts.plan_kind"
    assert "'prepaid'" in str(error.todo)
