"""Errors about options that mix a store and a table, or fit neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from linerisk.errors import LineriskError, UsageError


def unclear(
    what: str, options: Mapping[str, object], *, of_store: Sequence[str], needed: tuple[str, str | None]
) -> UsageError:
    """The error about options that do not go together.

    Args:
        what: What is to be done with the rows, such as `train on`.
        options: What was given to each option; None where it was not.
        of_store: Options that go with a store only.
        needed: The option that a store cannot do without, and that of a table, if there is one.
    """
    for_store, for_table = needed
    given = [option for option, value in options.items() if value is not None]
    ways = f"--store DIR {for_store} T, or --table FILE" + (f" {for_table} COLUMN" if for_table else "")
    store, table = "--store" in given, "--table" in given
    if store and table:
        todo = "leave out one of the two"
    elif store and for_store not in given:
        todo = f"add {for_store}{_reached(options['--store'])}"
    elif store:
        todo = f"leave out {_of(given, '--store', for_store, *of_store)}: what goes with --table goes with no store"
    elif table and (stray := [option for option in given if option in of_store]):
        todo = f"leave out {', '.join(stray)}: a table has no records to go back to, so that goes with --store"
    elif table:
        todo = f"add {for_table}, the column that says fraud or not"
    else:
        todo = "add --store for records, or --table for a feature table of your own"
    return UsageError(f"it is not clear what to {what}", expected=ways, found=", ".join(given) or "neither", todo=todo)


def _of(given: Sequence[str], *known: str) -> str:
    return ", ".join(option for option in given if option not in known)


def _reached(store: object) -> str:
    """The end of a store's records, if there is such a store."""
    from linerisk.tables.store import RecordStore
    from linerisk.workflows.as_of_checks import next_instant

    try:
        return f" {next_instant(RecordStore.open(Path(str(store))).days)}, the day after its last record"
    except LineriskError:
        return ", the instant that we stand at"
