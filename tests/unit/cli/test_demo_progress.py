"""Progress of the demo in a pipe and on a terminal."""

from linerisk.cli.demo_progress import LINE_EVERY_S, LONGEST, STEPS, DemoProgress


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_longest_step_is_named_before_any_step_begins() -> None:
    lines: list[str] = []
    DemoProgress(None, print_line=lines.append)
    (line,) = lines
    assert f"{STEPS.index(LONGEST) + 1}/{len(STEPS)} {LONGEST}" in line


def test_a_pipe_gets_at_most_one_line_per_interval_and_one_at_the_end() -> None:
    lines: list[str] = []
    clock = _Clock()
    progress = DemoProgress(None, print_line=lines.append, seconds=clock)
    with progress.step(LONGEST, "features") as report:
        for done in range(40):
            clock.now += 1
            report("features", done + 1, 40)
    assert lines[1:] == [
        "  3/5 train a model: features 38%",
        "  3/5 train a model: features 75%",
        "  3/5 train a model: done in 40 s",
    ]
    assert LINE_EVERY_S == 15


def test_a_terminal_gets_a_bar_for_each_part_of_a_step() -> None:
    bars: list[tuple[str, int, int]] = []
    lines: list[str] = []
    progress = DemoProgress(lambda *bar: bars.append(bar), print_line=lines.append)
    with progress.step("ingest records", "reading") as report:
        report("reading", 1, 2)
        report("reading", 2, 2)
    assert bars == [("2/5 reading", 0, 1), ("2/5 reading", 1, 2), ("2/5 reading", 2, 2)]
    assert len(lines) == 1
