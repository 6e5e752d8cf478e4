"""The story of July 2024: the same burst from a young line and from an old one, and an ordinary line."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from linerisk.errors import InputError
from linerisk.records.simulation import simulate
from linerisk.records.simulation.story import Story, write_story

AS_OF = datetime(2024, 7, 26, tzinfo=UTC)
c = pl.col


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, Path]:
    folder = tmp_path_factory.mktemp("story") / "source"
    simulate(folder, lines=200, days=98, seed=7)
    story = write_story(folder, as_of=AS_OF, seed=7)
    return story, folder


@pytest.fixture(scope="module")
def story_records(story: tuple[Story, Path]) -> pl.DataFrame:
    return pl.read_parquet(story[1] / "call_records" / "story.parquet")


def test_the_story_adds_files_of_the_same_shape(story: tuple[Story, Path]) -> None:
    _, folder = story
    for name in ("call_records", "accounts"):
        schema = pl.read_parquet_schema(folder / name / "story.parquet")
        assert schema == pl.read_parquet_schema(folder / name / "part-00000.parquet")
    assert pl.read_parquet(folder / "call_records").height > 1000


def test_the_two_accounts_differ_only_in_age(story: tuple[Story, Path]) -> None:
    story, folder = story
    rows = pl.read_parquet(folder / "accounts" / "story.parquet").rows_by_key("line_id", named=True, unique=True)
    young, old = rows[story.young.line_id], rows[story.old.line_id]
    assert young["activated_on"] == date(2024, 6, 30)
    assert old["activated_on"].strftime("%Y-%m") == "2015-09"
    ages = {"activated_on", "number_since", "customer_since", "known_at", "holder_id"}
    assert {k: v for k, v in young.items() if k not in ages} == {k: v for k, v in old.items() if k not in ages}
    assert (young["plan_kind"], young["home_area"], young["declared_use"]) == ("prepaid", "440300", None)


def test_both_bursts_have_the_same_calls_with_different_parties(
    story: tuple[Story, Path], story_records: pl.DataFrame
) -> None:
    story, _ = story
    young = story_records.filter(c("line_id") == story.young.line_id)
    began = young["started_at"].min()
    old = story_records.filter(c("line_id") == story.old.line_id, c("started_at") >= began)
    same = ["record_type", "started_at", "answered", "duration_s", "ring_s", "peer_area", "peer_kind"]
    twins = young.join(old, on=same, how="inner", nulls_equal=True)
    assert twins.height == young.height
    assert old.height - young.height < 20
    assert set(young["peer_id"]) & set(old["peer_id"]) == set()
    assert set(young["device_id"]) & set(old["device_id"]) == set()


def test_the_burst_has_plausible_figures(story: tuple[Story, Path], story_records: pl.DataFrame) -> None:
    story, _ = story
    young = story_records.filter(c("line_id") == story.young.line_id, c("record_type") == "call_out")
    days = young.group_by(c("started_at").dt.convert_time_zone("Asia/Shanghai").dt.date()).len()["len"]
    assert 30 <= days.median() <= 120
    assert (young["peer_area"] != "440300").mean() > 0.8
    assert young["answered"].mean() < 0.45
    assert young["peer_id"].n_unique() / young.height > 0.85
    assert AS_OF.timestamp() - young["started_at"].min().timestamp() < 7 * 86400


def test_the_ordinary_line_has_ordinary_figures(story: tuple[Story, Path], story_records: pl.DataFrame) -> None:
    story, _ = story
    line = story_records.filter(c("line_id") == story.ordinary.line_id)
    out = line.filter(c("record_type") == "call_out")
    assert 0.5 < out.height / 98 < 5
    assert line["started_at"].max() < AS_OF


def test_lines_are_described_in_both_languages(story: tuple[Story, Path]) -> None:
    story, _ = story
    for line in (story.young, story.old, story.ordinary):
        assert line.zh
        assert line.en
        assert len(line.line_id) == 12


def test_writing_the_story_again_gives_the_same_bytes(story: tuple[Story, Path]) -> None:
    story, folder = story
    path = folder / "call_records" / "story.parquet"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert write_story(folder, as_of=AS_OF, seed=7) == story
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_folder_that_was_not_simulated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        write_story(tmp_path, as_of=AS_OF, seed=1)
    assert refused.value.field == "out"


def test_an_instant_before_the_burst_is_refused(story: tuple[Story, Path]) -> None:
    with pytest.raises(InputError) as refused:
        write_story(story[1], as_of=datetime(2024, 7, 2, tzinfo=UTC), seed=1)
    assert refused.value.field == "as_of"
