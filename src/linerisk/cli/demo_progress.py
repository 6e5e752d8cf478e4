"""Progress of the demo: numbered steps, the longest named beforehand, bars on a terminal, few lines in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from linerisk.cli.output import err, progress

Report = Callable[[str, int, int], None]
"""Takes (part of the step, how much of it is done, how much there is)."""

STEPS = ("simulate records", "ingest records", "train a model", "publish scores", "ask the service")
LONGEST = "train a model"
_LONGEST_EXPLAINED = "takes almost half of the time, most of it for the features of every line at five dates"
LINE_EVERY_S = 15.0
"""In a pipe, a step prints no more often than this, until it ends."""


class DemoProgress:
    """Runs the demo's steps one after the other and shows how far each has come.

    Args:
        bars: Shows a named part of a step as a bar; None prints lines.
        print_line: Prints one line.
        seconds: A clock that only rises.
    """

    def __init__(
        self, bars: Report | None, *, print_line: Callable[[str], object], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._bars = bars
        self._print_line = print_line
        self._seconds = seconds
        number = STEPS.index(LONGEST) + 1
        print_line(f"{len(STEPS)} steps. The longest, {number}/{len(STEPS)} {LONGEST}, {_LONGEST_EXPLAINED}.")

    @contextmanager
    def step(self, name: str, first_part: str) -> Iterator[Report]:
        """Runs a step: its body reports progress to the function that it gets; the first part has a bar at once."""
        number = f"{STEPS.index(name) + 1}/{len(STEPS)}"
        began = printed = self._seconds()

        def report(part: str, done: int, total: int, /) -> None:
            nonlocal printed
            if self._bars is not None:
                self._bars(f"{number} {part}", done, total)
            elif self._seconds() - printed >= LINE_EVERY_S:
                printed = self._seconds()
                self._print_line(f"  {number} {name}: {part} {done / total:.0%}")

        if self._bars is not None:
            report(first_part, 0, 1)
        yield report
        if self._bars is None:
            self._print_line(f"  {number} {name}: done in {self._seconds() - began:.0f} s")


@contextmanager
def demo_progress() -> Iterator[DemoProgress]:
    """Progress on stderr, so that the demo's output stays clean."""
    if err.is_terminal:
        with progress() as bars:
            yield DemoProgress(bars, print_line=err.print)
    else:
        yield DemoProgress(None, print_line=err.print)
