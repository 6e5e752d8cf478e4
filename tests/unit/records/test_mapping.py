"""Mappings of an operator's names and codes in TOML."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from linerisk.errors import InputError
from linerisk.records.mapping import Mapping, shipped
from linerisk.tables.identity import key_of_id
from linerisk.tables.intake import ingest
from linerisk.tables.store import RecordStore

SECRET = b"a secret of the tests, long enough"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def sichuan(tmp_path: Path) -> Path:
    """Raw files in the format of the competition, a few rows each."""
    write(
        tmp_path / "raw/train/train_voc.csv",
        "phone_no_m,opposite_no_m,calltype_id,start_datetime,call_dur,city_name,county_name,imei_m\n"
        "0af1,b001,1,2020-03-16 19:51:04,51,成都,武侯区,e1\n"
        "0af1,b002,2,2020-03-16 20:00:00,7,,,e1\n"
        "0af2,b003,3,2020-01-01 00:30:00,9,北京,,\n",
    )
    write(
        tmp_path / "raw/train/train_sms.csv",
        "phone_no_m,opposite_no_m,calltype_id,request_datetime\n0af1,b009,2,2020-03-17 08:00:00\n",
    )
    write(
        tmp_path / "raw/train/train_user.csv",
        "phone_no_m,city_name,county_name,idcard_cnt,arpu_201908,arpu_202003,label\n"
        "0af1,成都,武侯区,1,55.2,48.0,0\n0af2,绵阳,,3,,10.5,1\n",
    )
    write(tmp_path / "raw/train/train_app.csv", "phone_no_m,busi_name,flow,month_id\n0af1,x,1.5,2020-03\n")
    return tmp_path / "raw"


def test_sichuan_calls_and_texts_become_records(sichuan: Path, tmp_path: Path) -> None:
    mapping = Mapping.load(shipped("sichuan"))
    report = ingest(sichuan, tmp_path / "store", secret=SECRET, mapping=mapping)
    rows = RecordStore.open(tmp_path / "store").records().sort("started_at").collect()
    assert report.rejected == ()
    assert rows["record_type"].to_list() == ["call_forwarded", "call_out", "call_in", "sms_in"]
    assert rows["duration_s"].to_list() == [9, 51, 7, 0]
    assert rows["visited_area"].to_list() == [None, 510100, None, None]
    assert rows["line_key"][3] == key_of_id("0af1", secret=SECRET)


def test_sichuan_times_are_local(sichuan: Path, tmp_path: Path) -> None:
    ingest(sichuan, tmp_path / "store", secret=SECRET, mapping=Mapping.load(shipped("sichuan")))
    first = RecordStore.open(tmp_path / "store").records().collect()["started_at"].min()
    assert first == datetime(2019, 12, 31, 16, 30, tzinfo=UTC)


def test_sichuan_users_become_labels_and_no_accounts(sichuan: Path, tmp_path: Path) -> None:
    report = ingest(sichuan, tmp_path / "store", secret=SECRET, mapping=Mapping.load(shipped("sichuan")))
    store = RecordStore.open(tmp_path / "store")
    labels = store.labels().join(store.lines(), on="line_key").sort("line_id").collect()
    assert labels.select("line_id", "label", "source").rows() == [
        ("0af1", "legitimate", "police"),
        ("0af2", "fraud", "police"),
    ]
    assert labels["known_at"].unique().to_list() == [datetime(2020, 3, 31, 16, tzinfo=UTC)]
    assert store.accounts().collect().is_empty()
    assert any("cannot become accounts" in notice for notice in report.notices)


def test_unused_columns_give_one_notice_per_table(sichuan: Path, tmp_path: Path) -> None:
    report = ingest(sichuan, tmp_path / "store", secret=SECRET, mapping=Mapping.load(shipped("sichuan")))
    assert [notice for notice in report.notices if notice.startswith(("unused columns of", "columns of"))] == [
        "unused columns of call_records: county_name",
        "unused columns of labels: city_name, county_name, idcard_cnt, arpu_201908, arpu_202003",
    ]


def test_an_unmapped_code_is_rejected_unless_any_other_is_mapped(tmp_path: Path) -> None:
    write(tmp_path / "s/labels.csv", "line_id,label,source,occurred_at,known_at\n1,9,p,2024-05-01,2024-05-02\n")
    strict = write(
        tmp_path / "m.toml", 'name = "x"\n[[labels]]\ncodes.source = { p = "police" }\ncodes.label = { 1 = "fraud" }\n'
    )
    report = ingest(tmp_path / "s", tmp_path / "one", secret=SECRET, mapping=Mapping.load(strict), max_rejected=1)
    assert [count.rule for count in report.rejected] == ["label|known_code"]
    loose = write(tmp_path / "n.toml", strict.read_text().replace('1 = "fraud"', '1 = "fraud", "*" = "legitimate"'))
    report = ingest(tmp_path / "s", tmp_path / "two", secret=SECRET, mapping=Mapping.load(loose))
    assert report.rejected == ()


@pytest.mark.parametrize(
    ("shape", "written"),
    [("%d/%m/%Y %H:%M", "01/05/2024 16:00"), ("epoch_s", "1714550400"), ("epoch_ms", "1714550400000")],
)
def test_timestamps_in_the_mapped_format_are_read(tmp_path: Path, shape: str, written: str) -> None:
    write(
        tmp_path / "s/labels.csv", f"line_id,label,source,occurred_at,known_at\n1,fraud,police,{written},2024-05-02\n"
    )
    mapping = Mapping.model_validate(
        {
            "name": "x",
            "time_zone": "Asia/Shanghai",
            "labels": [{"timestamp_format": shape, "constants": {"known_at": "2024-06-01"}}],
        }
    )
    (tmp_path / "s/labels.csv").write_text(f"line_id,label,source,occurred_at\n1,fraud,police,{written}\n")
    ingest(tmp_path / "s", tmp_path / "store", secret=SECRET, mapping=mapping)
    occurred = RecordStore.open(tmp_path / "store").labels().collect()["occurred_at"].to_list()
    assert occurred == [datetime(2024, 5, 1, 8, tzinfo=UTC)]


def test_unmapped_tables_are_read_in_the_contract_format(tmp_path: Path) -> None:
    write(
        tmp_path / "s/labels.csv", "line_id,label,source,occurred_at,known_at\n1,fraud,police,2024-05-01,2024-05-02\n"
    )
    mapping = Mapping.model_validate({"name": "x", "call_records": [{"files": ["cdr*"]}]})
    report = ingest(tmp_path / "s", tmp_path / "store", secret=SECRET, mapping=mapping)
    assert report.tables["labels"].accepted == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\nseparator = ";"', "separator"),
        ('name = "x"\n[[labels]]\ncolumns = { line = "a" }', "did you mean 'line_id'"),
        ('name = "x"\n[[labels]]\ncodes.tariff = { a = "b" }', "labels has no column 'tariff'"),
        ('name = "x"\ntime_zone = "Mars/Olympus"\n[[labels]]', "'Mars/Olympus' is not a time zone"),
        ('name = "x"\n[[labels]]\ncolumns.label = "a"\nconstants.label = "b"', "both a column and a constant"),
        ('name = "x"\n[[labels]]\ncolumns = { line = "a" }', "[[labels]], under columns: labels has no column 'line'"),
        ('name = "x"\n[[labels]]\ncolumns = { MSISDN = "line_id" }', "swap them: line_id = 'MSISDN'"),
        ('name = "x"\n[[labels]]\n[[labels]]\ncolums.a = "b"', "[[labels]] number 2: there is no key 'colums'"),
        ('name = "x"\n[[labels]]\ncolums.a = "b"', "did you mean 'columns'"),
        ('name = "x"\nseparator = ";"', "put separator under a [[table]]"),
        ('name = "x"\n[labels]\nseparator = ";"', "write [[labels]] in place of [labels]"),
        ('name = "x"\n[[labels]]\nseparator = ";;"', "separator is not one character"),
        ('name = "x"\n[[labels]]\ncolumns = "line_id"', "[[labels]]: the key 'columns' has a wrong value"),
        ('name = "x"\ntime_zone = "asia/shanghia"\n[[labels]]', "did you mean"),
        ("name = ", "is not TOML"),
        ("", "name"),
    ],
)
def test_an_invalid_mapping_is_reported_with_a_hint(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        Mapping.load(write(tmp_path / "m.toml", text))
    assert message in str(error.value)


def test_a_missing_mapping_is_reported_with_the_shipped_ones() -> None:
    with pytest.raises(InputError, match="shipped are sichuan"):
        shipped("unicom")
    with pytest.raises(InputError, match="no such mapping"):
        Mapping.load(Path("nowhere.toml"))


def test_the_same_file_under_another_mapping_is_another_source(tmp_path: Path) -> None:
    write(tmp_path / "s/labels.csv", "line_id,label,source,occurred_at,known_at\n1,1,police,2024-05-01,2024-05-02\n")
    for word in ("fraud", "legitimate"):
        mapping = Mapping.model_validate({"name": word, "labels": [{"codes": {"label": {"1": word}}}]})
        ingest(tmp_path / "s", tmp_path / "store", secret=SECRET, mapping=mapping)
    assert RecordStore.open(tmp_path / "store").labels().select(pl.len()).collect().item() == 2
