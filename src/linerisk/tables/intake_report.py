"""The report of one ingest run, printed as a table or as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from linerisk.records.contract import TableName


@dataclass(frozen=True, slots=True)
class TableCount:
    """Row counts of one table: `read` = `accepted` + `duplicates` + `rejected`.

    Attributes:
        read: Rows read; files that were in the store already are not read.
        accepted: Rows that are new in the store.
        duplicates: Good rows that the store, or an earlier row of this run, holds already.
        rejected: Rows that broke a rule.
        late: Good rows that the operator's platform received more than a day after they started.
        files: Files read.
    """

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    late: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class RejectedCount:
    """Rows of one file whose first broken rule is this one, and the first of them (1 = first row below the header)."""

    table: TableName
    file: str
    rule: str
    rows: int
    first_row: int


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """The outcome of one run of `ingest`.

    Attributes:
        tables: Counts by table.
        rejected: Counts by table, file and rule.
        skipped: Files whose contents were in the store already.
        notices: Notes for the reader, one sentence each.
        rejected_files: Files of rejected rows, relative to the store.
        days: Days that the store holds now.
        record_count: Records that the store holds now.
        fingerprint: Fingerprint of the store now.
    """

    tables: dict[TableName, TableCount]
    rejected: tuple[RejectedCount, ...]
    skipped: tuple[str, ...]
    notices: tuple[str, ...]
    rejected_files: tuple[str, ...]
    days: int
    record_count: int
    fingerprint: str

    def as_dict(self) -> dict[str, object]:
        """The report as plain dictionaries and lists."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """Running counts of one table."""

    read: int = 0
    rejected: int = 0
    late: int = 0
    files: int = 0
    before: int = 0
    after: int = 0
    by_rule: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """(file, rule) -> (rows, first row)"""

    def reject(self, file: str, rule: str, *, rows: int, first_row: int) -> None:
        """Count rows of a file that broke a rule."""
        counted, first = self.by_rule.get((file, rule), (0, first_row))
        self.by_rule[file, rule] = (counted + rows, min(first, first_row))
        self.rejected += rows

    def frozen(self) -> TableCount:
        """The final counts."""
        accepted = self.after - self.before
        good = self.read - self.rejected
        return TableCount(self.read, accepted, good - accepted, self.rejected, self.late, self.files)
