"""How files are assigned to tables, and which files are refused."""

from pathlib import Path

import polars as pl
import pytest

from linerisk.errors import InputError
from linerisk.records.mapping import Mapping
from linerisk.records.sources import find_sources

LABELS = "line_id,label,source,occurred_at,known_at\n1,fraud,police,2024-05-01,2024-05-02\n"


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(LABELS)


def found(folder: Path, mapping: Mapping | None = None) -> list[tuple[str, str]]:
    return [(source.table, source.name) for source in find_sources(folder, mapping)]


def test_tables_are_files_or_folders_and_any_may_be_missing(tmp_path: Path) -> None:
    _touch(tmp_path, "labels.csv", "call_records/2024/a.parquet", "call_records/b.csv.gz", "truth.parquet", "README.md")
    assert found(tmp_path) == [
        ("call_records", "call_records/2024/a.parquet"),
        ("call_records", "call_records/b.csv.gz"),
        ("labels", "labels.csv"),
    ]


def test_a_file_name_may_extend_the_table_name(tmp_path: Path) -> None:
    _touch(tmp_path, "labels-2024-05.csv", "labels_june.csv", "labelsmith.csv")
    assert found(tmp_path) == [("labels", "labels-2024-05.csv"), ("labels", "labels_june.csv")]


def test_marker_files_of_other_systems_are_ignored(tmp_path: Path) -> None:
    _touch(tmp_path, "labels/_SUCCESS", "labels/.part.csv.crc", "labels/_temporary/a.csv", "labels/part.csv")
    assert found(tmp_path) == [("labels", "labels/part.csv")]


def test_the_folder_of_one_table_is_a_source(tmp_path: Path) -> None:
    _touch(tmp_path, "accounts/part-0.parquet")
    assert found(tmp_path / "accounts") == [("accounts", "part-0.parquet")]


def test_the_error_for_a_source_without_tables_lists_expected_names(tmp_path: Path) -> None:
    _touch(tmp_path, "cdr_2024.csv")
    with pytest.raises(InputError, match="none of the tables") as error:
        find_sources(tmp_path)
    assert error.value.found == "cdr_2024.csv"
    assert "call_records" in str(error.value.expected)


def test_a_missing_source_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such source"):
        find_sources(tmp_path / "nowhere")


def test_missing_columns_are_reported_with_the_closest_match(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("LineId,label,source,occured_at,known_at\n")
    [source] = find_sources(tmp_path)
    with pytest.raises(InputError) as error:
        source.frame()
    assert error.value.field == "line_id"
    assert "labels.csv cannot be labels" in error.value.wrong
    assert "line_id (closest: LineId)" in error.value.wrong
    assert "occurred_at (closest: occured_at)" in error.value.wrong
    assert error.value.found == "LineId, label, source, occured_at, known_at"
    assert "--mapping" in str(error.value.todo)


def test_hive_partitions_supply_columns_that_the_file_lacks(tmp_path: Path) -> None:
    inner = tmp_path / "labels" / "source=random_audit" / "label=fraud" / "dt=2024-05-01"
    _touch(inner, "part.csv")
    text = (inner / "part.csv").read_text()
    (inner / "part.csv").write_text(text.replace("source,", "").replace("police,", ""))
    [source] = find_sources(tmp_path)
    row = source.frame().collect().row(0, named=True)
    assert (row["source"], row["label"]) == ("random_audit", "fraud")
    assert "dt" not in row
    assert source.unused == ()


def test_a_hive_null_is_null(tmp_path: Path) -> None:
    inner = tmp_path / "accounts" / "holder_id=__HIVE_DEFAULT_PARTITION__"
    inner.mkdir(parents=True)
    columns = ["line_id", "known_at", "activated_on", "home_area", "plan_kind", "status"]
    pl.DataFrame({name: ["x"] for name in columns}).write_parquet(inner / "a.parquet")
    [source] = find_sources(tmp_path)
    assert source.frame().collect()["holder_id"].to_list() == [None]


def test_csv_cells_stay_text(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(LABELS.replace("\n1,", "\n0010,"))
    [source] = find_sources(tmp_path)
    assert source.frame().collect()["line_id"].to_list() == ["0010"]


def test_batches_are_the_rows_in_order(tmp_path: Path) -> None:
    rows = pl.DataFrame({"line_id": range(1000)}).with_columns(
        label=pl.lit("fraud"), source=pl.lit("police"), occurred_at=pl.lit("2024-05-01"), known_at=pl.lit("2024-05-02")
    )
    rows.write_parquet(tmp_path / "labels.parquet", row_group_size=100)
    [source] = find_sources(tmp_path)
    batches = list(source.batches(300))
    assert len(batches) > 1
    assert pl.concat(batches)["line_id"].to_list() == list(range(1000))
    assert source.row_count() == 1000


def test_the_error_for_an_unreadable_file_quotes_no_cell(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(LABELS.encode() + b"13800138000,\xff\xfe\xb1,police,,\n")
    [source] = find_sources(tmp_path)
    with pytest.raises(InputError, match=r"labels\.csv cannot be read") as error:
        list(source.batches(10))
    assert "13800138000" not in str(error.value)


def refused(folder: Path, mapping: Mapping | None = None) -> str:
    [source] = find_sources(folder, mapping)
    with pytest.raises(InputError) as error:
        list(source.batches(10))
    return str(error.value)


def test_binary_content_is_reported_but_not_printed(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(bytes(range(256)) * 20)
    message = refused(tmp_path)
    assert "not a text file in UTF-8" in message
    assert message.isprintable()
    assert message.isascii()


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (LABELS.encode("utf-16"), "it begins like UTF-16"),
        (b"PK\x03\x04\x14\x00", "such as a spreadsheet"),
        (b"\x1b[2Jline_id,label\n1,2\n", r"control characters in its first line: \x1b[.."),
        ("line_id,城市\n".encode("gb18030"), "not UTF-8 from byte 9 on"),
        (LABELS.encode() + "1,城市,police,,\n".encode("gb18030"), "not UTF-8 from byte 82 on"),
        (b"", "0 bytes"),
    ],
)
def test_the_error_names_the_kind_of_non_text_content(tmp_path: Path, content: bytes, hint: str) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    assert hint in refused(tmp_path)


def test_control_characters_in_names_are_escaped(tmp_path: Path) -> None:
    pl.DataFrame({"a\x1b[2J": [1]}).write_parquet(tmp_path / "labels-\x07.parquet")
    message = refused(tmp_path)
    assert message.isprintable()
    assert r"labels-\x07.parquet" in message


def test_the_error_suggests_another_separator(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(LABELS.replace(",", ";"))
    assert "separated by ';'" in refused(tmp_path)


def test_a_missing_mapped_column_is_reported_with_both_names(tmp_path: Path) -> None:
    _touch(tmp_path, "labels.csv")
    mapping = Mapping.model_validate({"name": "x", "labels": [{"columns": {"label": "lable"}}]})
    assert "lacks lable, which the mapping names for label (closest: label)" in refused(tmp_path, mapping)


def test_a_byte_order_mark_and_characters_split_across_blocks_are_valid_text(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbf" + LABELS.encode() + "市".encode() * 700_000)
    [source] = find_sources(tmp_path)
    source.check_is_text(whole=True)
    assert source.found[0] == "line_id"
