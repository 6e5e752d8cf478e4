"""Where a model came from, and files that nobody reads half-written."""

import re
from pathlib import Path

import polars as pl
import pytest

from linerisk.workflows.features import write_atomically
from linerisk.workflows.provenance import commit, lock_hash


def test_the_commit_is_a_hash_or_unknown() -> None:
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", commit())


def test_the_lock_is_a_hash() -> None:
    assert re.fullmatch(r"(installed:)?[0-9a-f]{64}", lock_hash())


def test_a_written_file_leaves_no_temporary_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "table.parquet"
    write_atomically(pl.DataFrame({"a": [1]}), target)
    assert pl.read_parquet(target)["a"].to_list() == [1]
    assert list(target.parent.iterdir()) == [target]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    write_atomically(pl.DataFrame({"a": [1]}), target)
    unwritable = pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(BaseException, match="Object"):
        write_atomically(unwritable, target)
    assert pl.read_parquet(target)["a"].to_list() == [1]
    assert list(tmp_path.iterdir()) == [target]
