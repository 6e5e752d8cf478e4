"""The shipped policies, and a folder of copies that tests may damage."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from linerisk.policy import Policy, load_policies

SHIPPED = Path(__file__).parents[3] / "policies"


@pytest.fixture(scope="session")
def policies() -> tuple[Policy, ...]:
    return load_policies(SHIPPED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "policies"
    shutil.copytree(SHIPPED, copy)
    return copy


@pytest.fixture
def change(folder: Path) -> Callable[[str, str, str], Path]:
    """Replaces a text in a copied file; returns the folder of copies."""

    def replace_text(name: str, old: str, new: str) -> Path:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return replace_text
