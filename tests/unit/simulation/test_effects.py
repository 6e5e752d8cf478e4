"""Optional effects on the whole population: each changes the intended figures, on its days."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from linerisk.cli import app
from linerisk.errors import UsageError
from linerisk.records.simulation import simulate
from linerisk.records.simulation.effects import EFFECTS, NEW_YEARS, select_effects
from linerisk.records.simulation.population import NAMES, populate

c = pl.col
LOCAL_DAY = c("started_at").dt.convert_time_zone("Asia/Shanghai").dt.date()
OUT = c("record_type") == "call_out"
VOICE = c("record_type").is_in(["call_out", "call_in"])


def operator(folder: Path, **arguments: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with their local day and the truth of their line; and the truth table."""
    simulate(folder, **{"lines": 1500, "days": 21, "seed": 4, **arguments})
    truth = pl.read_parquet(folder / "truth.parquet")
    homes = pl.read_parquet(folder / "accounts").group_by("line_id").agg(c("home_area").first())
    records = pl.read_parquet(folder / "call_records").with_columns(day=LOCAL_DAY)
    return records.join(truth, on="line_id").join(homes, on="line_id"), truth


@pytest.fixture(scope="module")
def festival(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Three weeks around the lunar new year of 2024: the affected figures per part of the period."""
    folder = tmp_path_factory.mktemp("festival")
    records, _ = operator(folder / "source", start=date(2024, 1, 27), days=21, effects=["spring_festival"])
    week = c("day").is_between(date(2024, 2, 9), date(2024, 2, 16))
    before = c("day") < date(2024, 2, 3)
    return (
        records.filter(week | before)
        .group_by(festive=week)
        .agg(
            calls_a_day=VOICE.sum() / c("day").n_unique(),
            away=(c("visited_area") != c("home_area")).filter(OUT).mean(),
            calls_afar=(c("peer_area") != c("home_area")).filter(OUT, c("persona") == "ordinary").mean(),
            office=(OUT & (c("persona") == "salesperson")).sum() / c("day").n_unique(),
        )
        .sort("festive")
    )


def test_all_calls_and_office_calls_drop_in_the_festival_week(festival: pl.DataFrame) -> None:
    usual, festive = festival["calls_a_day"]
    assert 0.4 < festive / usual < 0.8
    usual, festive = festival["office"]
    assert festive / usual < 0.65


def test_in_the_festival_week_many_lines_are_in_their_hometowns_and_call_out_of_town(festival: pl.DataFrame) -> None:
    usual, festive = festival["away"]
    assert festive > 3 * usual
    usual, festive = festival["calls_afar"]
    assert festive > 1.1 * usual


def test_journeys_home_end_a_few_days_after_the_festival(tmp_path: Path) -> None:
    records, _ = operator(tmp_path / "source", start=date(2025, 1, 28), days=18, lines=800, effects=["spring_festival"])
    away = records.filter(OUT).group_by("day").agg((c("visited_area") != c("home_area")).mean()).sort("day")
    share = dict(away.iter_rows())
    assert share[date(2025, 1, 30)] > 1.4 * share[date(2025, 2, 12)]


def test_new_years_match_the_lunar_calendar() -> None:
    assert [day.isoformat() for day in NEW_YEARS] == [
        "2023-01-22",
        "2024-02-10",
        "2025-01-29",
        "2026-02-17",
        "2027-02-06",
    ]
    # Two lunar new years are twelve or thirteen lunar months apart.
    for earlier, later in itertools.pairwise(NEW_YEARS):
        assert (later - earlier).days in {354, 355, 383, 384, 385}


def test_students_activate_new_lines_in_september() -> None:
    start, days = date(2024, 8, 1), 61

    def new_lines(*effects: str) -> dict[str, int]:
        chosen = select_effects(start, days, effects=effects, drift=None)
        people = populate(0, 20_000, 100, days=days, rng=np.random.default_rng(3), begin=chosen.begin)
        chosen.add_student_lines(people, np.random.default_rng(4))
        since, until = ((day - start).days for day in (date(2024, 8, 20), date(2024, 9, 16)))
        student = people.persona == NAMES.index("student")
        new = (people.activated >= since) & (people.activated < until)
        assert (people.closed[student] > people.activated[student]).all()
        return {"students": int((new & student).sum()), "others": int((new & ~student).sum()), "of": int(student.sum())}

    usual, term = new_lines(), new_lines("september")
    assert term["of"] == usual["of"]
    assert term["students"] > 5 * usual["students"]
    assert term["students"] == pytest.approx(0.2 * term["of"], rel=0.3)
    assert term["others"] == usual["others"]


def test_a_line_bought_in_september_has_no_earlier_calls(tmp_path: Path) -> None:
    records, truth = operator(tmp_path / "source", start=date(2024, 8, 17), days=21, effects=["september"])
    new = truth.filter(c("persona") == "student", c("activated_at") > datetime(2024, 8, 20, tzinfo=UTC))
    assert new.height > 10
    assert records.filter(c("started_at") < c("activated_at")).height == 0


def test_on_the_sales_day_couriers_call_60_percent_more_and_others_do_not(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"start": date(2024, 11, 4), "days": 15, "lines": 3000}
    usual, _ = operator(tmp_path / "usual", **arguments)
    sales, _ = operator(tmp_path / "sales", **arguments, effects=["sales_day"])
    days = c("day").is_between(date(2024, 11, 11), date(2024, 11, 16))
    courier = c("persona").is_in(["courier", "courier_privacy_number"])

    def ratio(*chosen: pl.Expr) -> float:
        return sales.filter(OUT, *chosen).height / usual.filter(OUT, *chosen).height

    assert ratio(courier, days) == pytest.approx(1.6, rel=0.08)
    assert ratio(courier, ~days) == pytest.approx(1.0, rel=0.08)
    assert ratio(~courier, days) == pytest.approx(1.0, rel=0.05)


def test_the_drift_replaces_boxes_by_relays_month_by_month() -> None:
    def shares(drift: str | None) -> pl.DataFrame:
        begin = select_effects(date(2024, 1, 1), 90, effects=(), drift=drift).begin
        people = populate(0, 40_000, 8_000, days=90, rng=np.random.default_rng(8), begin=begin)
        frauds = pl.DataFrame({"persona": np.asarray(NAMES)[people.persona], "from": people.fraud_from}).drop_nans()
        boxes, relays = c("persona").is_in(["goip", "goip_camouflaged"]).mean(), (c("persona") == "relay").mean()
        return frauds.group_by(month=c("from") // 30).agg(n=pl.len(), boxes=boxes, relays=relays).sort("month")

    drifting, steady = shares("boxes-to-relays"), shares(None)
    assert drifting["boxes"].is_sorted(descending=True)
    assert drifting["relays"].is_sorted()
    assert drifting["boxes"][0] > 2 * drifting["boxes"][2]
    assert drifting["relays"][2] > 2 * drifting["relays"][0]
    assert 0.75 < steady["boxes"][2] / steady["boxes"][0] < 1.33
    assert max(drifting["n"]) < 1.15 * min(drifting["n"]), "only the mix moves, not how much fraud there is"


def test_the_drift_shifts_only_the_starts_of_box_and_relay_frauds(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"lines": 600, "days": 60, "prevalence": 0.05}
    _, steady = operator(tmp_path / "steady", **arguments)
    _, drifting = operator(tmp_path / "drifting", **arguments, drift="boxes-to-relays")
    assert steady["persona"].equals(drifting["persona"])
    moved = steady.filter("is_fraud", steady["fraud_from"] != drifting["fraud_from"])
    assert set(moved["persona"]) == {"goip", "goip_camouflaged", "relay"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"effects": ["christmas"]}, "effect"),
        ({"effects": ["Spring_Festival"]}, "effect"),
        ({"drift": "relays-to-boxes"}, "drift"),
        ({"effects": ["sales_day"]}, "effect"),
        ({"effects": ["spring_festival"], "start": date(2031, 1, 1), "days": 60}, "effect"),
    ],
)
def test_an_effect_that_is_unknown_or_has_no_day_in_the_period_is_refused(
    tmp_path: Path, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(UsageError) as refused:
        simulate(tmp_path / "source", **{"lines": 10, "days": 20, "seed": 1, "start": date(2024, 3, 1), **wrong})
    assert refused.value.field == field
    assert list(tmp_path.iterdir()) == []


def test_every_effect_has_days_in_each_tabulated_year(tmp_path: Path) -> None:
    for name in EFFECTS:
        for year in {day.year for day in NEW_YEARS}:
            simulate(tmp_path / f"{name}-{year}", lines=1, days=365, seed=1, start=date(year, 1, 1), effects=[name])


def test_an_effect_does_not_change_the_personas(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"start": date(2024, 10, 20), "days": 30, "lines": 500}
    _, usual = operator(tmp_path / "usual", **arguments)
    _, sales = operator(tmp_path / "sales", **arguments, effects=["sales_day"])
    who = ["line_id", "persona", "life", "is_fraud", "fraud_from", "activated_at"]
    assert usual.select(who).equals(sales.select(who))


def test_the_command_takes_effects_drift_and_workers(tmp_path: Path) -> None:
    words = ["simulate", str(tmp_path / "typed"), "--lines", "40", "--days", "30", "--seed", "1"]
    words += ["--start", "2024-01-25"]
    words += ["--effect", "spring_festival", "--drift", "boxes-to-relays", "--workers", "1"]
    assert CliRunner().invoke(app, words).exit_code == 0
    simulate(
        tmp_path / "called",
        lines=40,
        days=30,
        seed=1,
        start=date(2024, 1, 25),
        effects=["spring_festival"],
        drift="boxes-to-relays",
    )
    for path in (tmp_path / "called").rglob("*.parquet"):
        assert path.read_bytes() == (tmp_path / "typed" / path.relative_to(tmp_path / "called")).read_bytes()
