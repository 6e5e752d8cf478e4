"""An anchor is one line of JSON; a file of them is only ever added to, and is read whole or refused."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from linerisk.decisions.anchors import Anchor, append_anchor, read_anchors
from linerisk.errors import DecisionLogError

FIRST = Anchor(3, "a" * 64, datetime(2024, 7, 1, tzinfo=UTC))
SECOND = Anchor(5, "b" * 64, datetime(2024, 7, 2, 3, 4, 5, 678, tzinfo=UTC))


def test_an_anchor_is_one_line_that_anybody_can_read() -> None:
    assert FIRST.to_json() == '{"seq":3,"hash":"' + "a" * 64 + '","time":"2024-07-01T00:00:00Z"}'


def test_anchors_are_added_at_the_end_and_read_in_order(tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    append_anchor(file, FIRST)
    append_anchor(file, SECOND)
    assert read_anchors(file) == (FIRST, SECOND)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "0 lines"),
        ("{}", "line 1"),
        (f"{FIRST.to_json()}\n\n", "line 2"),
        (f"{FIRST.to_json()}\n{SECOND.to_json()[:-5]}", "line 2"),
        ('{"seq":3,"hash":"a","time":"2024-07-01T00:00:00"}', "line 1"),
    ],
)
def test_a_file_that_is_not_all_anchors_is_refused(tmp_path: Path, text: str, found: str) -> None:
    file = tmp_path / "anchors.jsonl"
    file.write_text(text)
    with pytest.raises(DecisionLogError, match="anchor") as caught:
        read_anchors(file)
    assert found in caught.value.found


def test_an_anchor_of_an_older_program_names_no_access_and_is_read() -> None:
    assert json.loads(FIRST.to_json()).keys() == {"seq", "hash", "time"}
    named = Anchor(FIRST.seq, FIRST.hash, FIRST.time, 7, "a")
    assert json.loads(named.to_json()).keys() == {"seq", "hash", "time", "accesses", "accesses_hash"}


def test_a_missing_file_or_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DecisionLogError, match="cannot be read"):
        read_anchors(tmp_path / "none.jsonl")
    with pytest.raises(DecisionLogError, match="cannot be written"):
        append_anchor(tmp_path / "none" / "anchors.jsonl", FIRST)
