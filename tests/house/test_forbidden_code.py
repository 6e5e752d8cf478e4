"""Forbidden code: a second clock, pickle, pandas, Python per row, and the environment outside of entry points."""

import ast
from collections.abc import Iterator

import pytest

CLOCKS = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "time.ctime",
    "time.strftime",
    "numpy.datetime64.now",
    "uuid.uuid1",
}
"""`time.monotonic` and `time.perf_counter` measure durations and are allowed."""
THE_CLOCK = "src/linerisk/as_of.py"
PICKLES = {"pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"}
READS_ENVIRONMENT = {
    "src/linerisk/registry": "MLflow reads at import whether it may report its use",
    "src/linerisk/service/app.py": "`serve` passes the address to the workers this way",
    "src/linerisk/service/serve.py": "passes settings to a child process",
}


def _origins(tree: ast.Module) -> dict[str, str]:
    """Local name -> dotted name of the import."""
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                origins[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return origins


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None


def _uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and dotted origin of every name that is used or imported."""
    origins = _origins(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Name | ast.Attribute):
            name = _dotted(node)
            if name is not None:
                first, dot, rest = name.partition(".")
                yield node.lineno, f"{origins.get(first, first)}{dot}{rest}"


def _found(files: dict[str, ast.Module], wrong: set[str]) -> list[str]:
    return sorted(
        {
            f"{name}:{line}: {used}"
            for name, tree in files.items()
            for line, used in _uses(tree)
            if used in wrong or used.split(".")[0] in wrong
        }
    )


def test_only_as_of_reads_the_clock(modules: dict[str, ast.Module]) -> None:
    assert _found({name: tree for name, tree in modules.items() if name != THE_CLOCK}, CLOCKS) == []


def test_no_module_pickles(python_files: dict[str, ast.Module]) -> None:
    assert _found(python_files, PICKLES) == []


def test_no_module_allows_numpy_to_pickle(modules: dict[str, ast.Module]) -> None:
    allowed = [
        f"{name}:{node.lineno}"
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and getattr(node.value, "value", True)
    ]
    assert allowed == []


def test_no_module_uses_pandas(python_files: dict[str, ast.Module]) -> None:
    # The benchmark compares with pandas.
    ours = {name: tree for name, tree in python_files.items() if name != "benchmarks/features/with_pandas.py"}
    assert _found(ours, {"pandas"}) == []
    calls = [name for name, tree in python_files.items() if {"to_pandas", "from_pandas"} & _attributes(tree)]
    assert calls == []


def test_no_module_calls_python_for_every_row(modules: dict[str, ast.Module]) -> None:
    slow = {"map_elements", "map_rows", "map_groups", "apply", "iter_slices"}
    assert {name: slow & _attributes(tree) for name, tree in modules.items() if slow & _attributes(tree)} == {}


def test_only_entry_points_read_the_environment(modules: dict[str, ast.Module]) -> None:
    found = _found(modules, {"os.environ", "os.getenv", "os.environb"})
    assert [place for place in found if not place.startswith(tuple(READS_ENVIRONMENT))] == []


def test_imports_are_absolute(modules: dict[str, ast.Module]) -> None:
    relative = [
        f"{name}:{node.lineno}"
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("import datetime\ndatetime.datetime.now()", "datetime.datetime.now"),
        ("from datetime import datetime as then\nthen.utcnow()", "datetime.datetime.utcnow"),
        ("import datetime as dt\ndt.date.today()", "datetime.date.today"),
        ("from time import time\ntime()", "time.time"),
        ("import time\nclock = time.time\nclock()", "time.time"),
    ],
)
def test_a_clock_read_is_detected_under_any_name(code: str, used: str) -> None:
    assert used in {name for _, name in _uses(ast.parse(code))}
    assert _found({"x.py": ast.parse(code)}, CLOCKS)


def test_measuring_a_duration_is_not_a_clock_read() -> None:
    code = "import time\nfrom linerisk.as_of import now\ntime.monotonic()\ntime.perf_counter()\nnow()"
    assert _found({"x.py": ast.parse(code)}, CLOCKS) == []


def _attributes(tree: ast.Module) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
