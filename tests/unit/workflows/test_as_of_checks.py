"""An instant that the records do not reach is refused; simulate and ingest say which instant they do reach."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from linerisk.cli import app
from linerisk.errors import InputError, StoreError
from linerisk.workflows.as_of_checks import MOST_DAYS_AFTER, check_as_of, next_instant

LAST = date(2024, 4, 21)
DAYS = [date(2024, 4, 19), LAST]


def run(*words: str, code: int = 0) -> str:
    answered = CliRunner().invoke(app, words, env={"NO_COLOR": "1", "TERM": "dumb"})
    assert answered.exit_code == code, answered.output
    return re.sub(r"\s+", " ", answered.output)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three days of twenty simulated lines."""
    folder = tmp_path_factory.mktemp("instants")
    run("simulate", str(folder / "source"), "--lines", "20", "--days", "3", "--seed", "1")
    run("ingest", str(folder / "source"), "--store", str(folder / "store"), "--home", str(folder / "home"))
    return folder


def test_an_instant_is_accepted_up_to_a_week_after_the_last_day_and_refused_later() -> None:
    a_week_on = datetime(LAST.year, LAST.month, LAST.day, 23, 59, tzinfo=UTC) + timedelta(days=MOST_DAYS_AFTER)
    check_as_of(DAYS, a_week_on)
    with pytest.raises(InputError) as refused:
        check_as_of(DAYS, a_week_on + timedelta(minutes=1))
    assert refused.value.expected == "an instant at most 7 days after the last day with records, 2024-04-21"
    assert refused.value.found == "2024-04-29"
    assert str(refused.value.todo).startswith("give --as-of 2024-04-22")


def test_an_instant_is_accepted_within_the_records_and_refused_before_them() -> None:
    first = datetime(2024, 4, 19, tzinfo=UTC)
    check_as_of(DAYS, datetime(2024, 4, 20, tzinfo=UTC))
    check_as_of(DAYS, first + timedelta(seconds=1))
    for before in (first, datetime(2020, 1, 1, tzinfo=UTC)):
        with pytest.raises(InputError, match="the records begin after --as-of") as refused:
            check_as_of(DAYS, before)
        assert refused.value.expected == "an instant after the start of the first day with records, 2024-04-19 (UTC)"
        assert str(refused.value.todo).startswith("give --as-of 2024-04-22")


def test_a_store_without_records_is_refused() -> None:
    with pytest.raises(StoreError, match="no records"):
        next_instant([])


@pytest.mark.parametrize("verb", ["publish", "train", "features"])
def test_an_instant_far_after_the_last_record_is_refused_with_both_days_and_a_remedy(folder: Path, verb: str) -> None:
    more = ("--out", str(folder / "features.parquet")) if verb == "features" else ()
    words = (verb, "--store", str(folder / "store"), "--as-of", "2025-01-01", "--home", str(folder / "home"), *more)
    output = run(*words, code=1)
    for part in ("the records end 255 days before --as-of", "2024-04-21", "2025-01-01", "give --as-of 2024-04-22"):
        assert part in output
    assert not (folder / "home" / "live").exists()
    assert not (folder / "features.parquet").exists()


@pytest.mark.parametrize("verb", ["publish", "train", "features"])
def test_an_instant_before_the_first_record_is_refused_with_the_first_day_and_a_remedy(folder: Path, verb: str) -> None:
    more = ("--out", str(folder / "features.parquet")) if verb == "features" else ()
    words = (verb, "--store", str(folder / "store"), "--as-of", "2023-04-01", "--home", str(folder / "home"), *more)
    output = run(*words, code=1)
    for part in ("the records begin after --as-of", "2023-04-01", "give --as-of"):
        assert part in output
    assert not (folder / "home" / "live").exists()
    assert not (folder / "features.parquet").exists()


def test_simulate_and_ingest_print_the_first_and_last_day_and_the_next_instant(tmp_path: Path) -> None:
    source, store = str(tmp_path / "source"), str(tmp_path / "store")
    output = run("simulate", source, "--lines", "20", "--days", "3", "--seed", "1", "--start", "2024-04-19")
    assert "records from 2024-04-19 to 2024-04-21 (local time); to stand at their end: --as-of 2024-04-22" in output
    answered = CliRunner().invoke(
        app, ["ingest", source, "--store", store, "--home", str(tmp_path / "home"), "--json"], env={"TERM": "dumb"}
    )
    result = json.loads(answered.stdout.splitlines()[-1])
    # The first local hours of the first day are still the day before in UTC.
    assert (result["first_day"], result["last_day"], result["as_of"]) == ("2024-04-18", "2024-04-21", "2024-04-22")
    assert "records from 2024-04-18 to 2024-04-21 (UTC); to stand at their end: --as-of 2024-04-22" in answered.stdout
