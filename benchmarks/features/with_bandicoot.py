"""bandicoot: the field's yardstick, one line at a time in plain Python, so on a sample of lines only.

It computes indicators of its own, not the chosen features; of those, one is also its own and is compared: parties
called in 28 days.
"""

from __future__ import annotations

import importlib
import inspect
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from chosen import AS_OF, TIME_ZONE

from linerisk.features.stages import OBSERVATION
from linerisk.tables.store import RecordStore

SAMPLE_LINES = 150


class Sample:
    """Records of some lines in the files that bandicoot reads. To make them is not its work and not measured."""

    def __init__(self, store: Path) -> None:
        records = RecordStore.open(store).records(start=AS_OF - OBSERVATION, end=AS_OF)
        # A window does not hold its first instant. Keys are hashes: the lowest are a random sample.
        records = records.filter(
            pl.col("started_at") > AS_OF - OBSERVATION,
            pl.col("received_at") <= AS_OF,
            pl.col("record_type") != "call_forwarded",
        )
        lines = records.select(pl.col("line_key").unique().bottom_k(SAMPLE_LINES))
        sample = records.join(lines, on="line_key", how="semi").sort("line_key", "started_at").collect()
        self.records = sample.height
        """How many records it has."""
        self.folder = tempfile.TemporaryDirectory()
        kind = pl.col("record_type").cast(pl.String)
        for (key,), part in sample.partition_by("line_key", as_dict=True).items():
            part.select(
                kind.str.starts_with("call").replace_strict({True: "call", False: "text"}).alias("interaction"),
                kind.str.split("_").list.last().alias("direction"),
                pl.col("peer_key").alias("correspondent_id"),
                pl.col("started_at").dt.convert_time_zone(TIME_ZONE).dt.strftime("%Y-%m-%d %H:%M:%S").alias("datetime"),
                pl.when(kind.str.starts_with("call")).then("duration_s").alias("call_duration"),
                pl.col("cell_key").alias("antenna_id"),
            ).write_csv(Path(self.folder.name) / f"{key}.csv")


def indicators(sample: Sample) -> pl.DataFrame:
    """All indicators of every line of the sample over the whole period; kept is the one that is also ours."""
    bandicoot = _bandicoot()
    callees = {}
    for file in sorted(Path(sample.folder.name).glob("*.csv")):
        user = bandicoot.read_csv(file.stem, f"{file.parent}/", describe=False, warnings=False)
        bandicoot.utils.all(user, groupby=None, summary="extended")
        found = bandicoot.individual.number_of_contacts(user, direction="out", interaction="call", groupby=None)
        callees[int(file.stem)] = found["allweek"]["allday"]["call"] or 0
    return pl.DataFrame({"line_key": callees.keys(), "distinct_callees_count_28d": callees.values()})


def _bandicoot() -> Any:
    """The module: 0.6.0 asks for two functions that Python 3.11 no longer has."""
    vars(inspect)["getargspec"] = lambda function: inspect.getfullargspec(function)[:4]
    vars(inspect)["formatargspec"] = _signature
    return importlib.import_module("bandicoot")


def _signature(
    names: list[str],
    rest: str | None,
    keywords: str | None,
    defaults: Sequence[Any] | None,
    formatvalue: Callable[[Any], str] = lambda value: f"={value!r}",
) -> str:
    """Parameters as they are written in a definition."""
    defaults = defaults or ()
    first = len(names) - len(defaults)
    parts = names[:first] + [name + formatvalue(value) for name, value in zip(names[first:], defaults, strict=True)]
    parts += [f"*{rest}"] if rest else []
    parts += [f"**{keywords}"] if keywords else []
    return f"({', '.join(parts)})"
