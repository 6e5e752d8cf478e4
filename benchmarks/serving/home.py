"""The home under test: a copy with an empty log, its line ids and its records."""

from __future__ import annotations

import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import psutil
from servers import SOURCES

from linerisk.as_of import iso
from linerisk.live import Live

_LINES_PER_REQUEST = 1_000
_FILES = "*.parquet"
_IN_MEMORY = {"tmpfs", "ramfs"}
_RECORD = (
    "peer_id", "record_type", "started_at", "duration_s", "received_at", "ring_s", "answered", "peer_block",
    "peer_kind", "peer_area", "visited_area", "cell_id", "device_id", "device_model",
)  # fmt: skip
_ACCOUNT = (
    "known_at", "activated_on", "home_area", "plan_kind", "status", "number_since", "ported_in_on", "customer_since",
    "holder_id", "declared_use", "declared_until", "last_verified_at",
)  # fmt: skip


def copy_home(home: Path, scratch: Path) -> Path:
    """Copy the live bundle and the id key of a home; the copy has an empty log, and the home stays unchanged."""
    if not (home / "live" / "current.json").exists():
        sys.exit(f"{home}: no model is live; `linerisk demo` creates a suitable home in var/demo")
    made = scratch / "home"
    made.mkdir()
    shutil.copytree(home / "live", made / "live")
    if (home / "id_key").exists():
        shutil.copy(home / "id_key", made / "id_key")
    return made


def bare_sync_ms(folder: Path, *, times: int = 400) -> dict[str, float]:
    """Time of the minimum that every commit needs of the disk: append 16 kB to a file and `fdatasync`."""
    took: list[float] = []
    with (folder / "syncs").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(bytes(16_384))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
            time.sleep(0.004)
    return {"p50": round(statistics.median(took), 2), "p99": round(statistics.quantiles(took, n=100)[-1], 2)}


def file_system(folder: Path) -> str:
    """Type of the file system that holds the log; a file system in memory is refused because it is not durable."""
    around = [part for part in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(part.mountpoint)]
    found = str(max(around, key=lambda part: len(part.mountpoint)).fstype)
    if found in _IN_MEMORY:
        sys.exit(
            f"{folder} is in memory ({found}), where recording costs nothing; name a folder on disk with --scratch"
        )
    return found


def token(home: Path) -> str:
    """Create the token of a scorer with the command that operators use."""
    output = _linerisk("tokens", "create", "benchmark", "--role", "scorer", "--home", str(home), "--json")
    secret: str = _json_object(output)["token"]
    return secret


def verify_log(home: Path) -> int:
    """Verify the log of the home; the number of its decisions."""
    output = _linerisk("audit", "verify", "--home", str(home), "--json")
    rows: int = _json_object(output)["rows"]
    return rows


def _json_object(output: str) -> dict[str, Any]:
    """The JSON object in the output of a command, which may also print a sentence."""
    found: dict[str, Any] = json.loads(output[output.index("{") : output.rindex("}") + 1])
    return found


def _linerisk(*words: str) -> str:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "linerisk", *words],
        env={**os.environ, "PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"linerisk {' '.join(words[:2])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class SnapshotLines:
    """Line ids of the snapshot and its `as_of`."""

    lines: list[str]
    as_of: datetime


def find_snapshot_lines(source: Path, url: str, token: str, *, most: int) -> SnapshotLines:
    """Lines of the source's accounts that the service can score by id."""
    accounts = source / "accounts"
    if not list(accounts.glob(_FILES)):
        sys.exit(f"{accounts}: no {_FILES}, needed for line ids; name the folder with --source")
    ids = (
        pl.read_parquet(accounts / _FILES, columns=["line_id"])["line_id"]
        .unique()
        .sort()
        .shuffle(seed=1)[:most]
        .to_list()
    )
    lines: list[str] = []
    as_of = datetime.min.replace(tzinfo=UTC)
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
        for number, part in enumerate(ids[i : i + _LINES_PER_REQUEST] for i in range(0, len(ids), _LINES_PER_REQUEST)):
            body = {"request_id": f"known-{number}", "lines": [{"line_id": line} for line in part]}
            answer = client.post("/v1/score", json=body).raise_for_status().json()
            lines += [decision["line_id"] for decision in answer["decisions"]]
            as_of = datetime.fromisoformat(answer["decisions"][0]["as_of"])
    return SnapshotLines(lines, as_of)


def with_records(source: Path, known: SnapshotLines, *, lines: int, records: int) -> list[dict[str, Any]]:
    """Lines of a request, with their account and their last records before `as_of` of the snapshot."""
    chosen = known.lines[:lines]
    rows = (
        pl.scan_parquet(source / "call_records" / _FILES)
        .filter(pl.col("line_id").is_in(chosen) & (pl.col("received_at") < known.as_of))
        .sort("line_id", "started_at")
        .group_by("line_id", maintain_order=True)
        .tail(records)
        .collect()
    )
    accounts = (
        pl.scan_parquet(source / "accounts" / _FILES)
        .filter(pl.col("line_id").is_in(chosen) & (pl.col("known_at") <= known.as_of))
        .sort("line_id", "known_at")
        .group_by("line_id", maintain_order=True)
        .last()
        .collect()
    )
    by_line = {account["line_id"]: account for account in accounts.iter_rows(named=True)}
    records_of = {str(line): list(_plain(part, _RECORD)) for (line,), part in rows.group_by("line_id")}
    made = []
    for line in chosen:
        requested: dict[str, Any] = {"line_id": line, "records": records_of.get(line, [])}
        if line in by_line:
            requested["account"] = next(_plain(pl.DataFrame([by_line[line]], schema=accounts.schema), _ACCOUNT))
        made.append(requested)
    return made


def arrow(table: pl.DataFrame) -> bytes:
    """Encode a table as an uncompressed Arrow IPC stream."""
    stream = io.BytesIO()
    table.write_ipc_stream(stream, compression="uncompressed", compat_level=pl.CompatLevel.oldest())
    return stream.getvalue()


def arrow_records(lines: list[dict[str, Any]]) -> bytes:
    """Encode the lines of `with_records` as an Arrow table."""
    return arrow(pl.DataFrame(lines, infer_schema_length=None))


def bare_predict(home: Path, *, rounds: int, lines: int = 10_000) -> int:
    """Lines per core-second of `Booster.predict` alone, on rows of the live snapshot; the best round."""
    live = Live.open(home / "live")
    if live.snapshot is None:
        raise ValueError("nothing is published")
    rows = live.snapshot.rows(np.arange(min(lines, live.snapshot.meta.lines)))
    took = []
    for _ in range(rounds):
        began = time.process_time()
        live.model.booster.predict(rows, num_threads=1)
        took.append(time.process_time() - began)
    return round(len(rows) / min(took))


def _plain(rows: pl.DataFrame, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows as JSON values, without nulls."""
    present = [name for name in columns if name in rows.columns]
    for row in rows.select(present).iter_rows(named=True):
        yield {name: _json(value) for name, value in row.items() if value is not None}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


def trees(home: Path) -> int:
    """Number of trees of the live model."""
    live = json.loads((home / "live" / "current.json").read_text(encoding="utf-8"))["model"]["fingerprint"]
    text = (home / "live" / "models" / live / "trees.txt").read_text(encoding="utf-8")
    return sum(line.startswith("Tree=") for line in text.splitlines())
