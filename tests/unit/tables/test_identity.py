"""Keys of ids are keyed hashes, stable, and equal in a column and in a single look-up."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linerisk.errors import InputError
from linerisk.settings import Settings
from linerisk.tables.identity import fingerprint_of, key_of, key_of_id, keys_of_frame, load_secret

SECRET = b"0123456789abcdef"


def keys(ids: Sequence[str | int | None], *, secret: bytes = SECRET) -> list[int | None]:
    return pl.DataFrame({"id": ids}).select(key_of("id", secret=secret)).to_series().to_list()


def test_a_key_has_its_recorded_value() -> None:
    assert keys(["13800138000"]) == [3019327802509658541]


def test_text_and_number_of_one_id_have_one_key() -> None:
    assert keys(["123"]) == keys([123])


def test_leading_zeros_are_part_of_an_id() -> None:
    assert keys(["007"]) != keys(["7"])


def test_a_null_id_has_a_null_key() -> None:
    assert keys(["1", None])[1] is None


def test_another_secret_gives_other_keys() -> None:
    assert keys(["1"]) != keys(["1"], secret=b"another secret, also long")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=30))
def test_a_single_look_up_agrees_with_the_column(ids: list[str]) -> None:
    assert keys(ids) == [key_of_id(each, secret=SECRET) for each in ids]


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=30))
def test_keys_are_non_negative_and_fit_63_bits(ids: list[int]) -> None:
    assert all(key is not None and 0 <= key < 2**63 for key in keys(ids))


@pytest.mark.parametrize("distinct", [3, 1000])
def test_recurring_and_rare_ids_get_the_same_keys_as_a_column(distinct: int) -> None:
    ids = pl.DataFrame({"a": [str(i % distinct) if i else None for i in range(1000)]})
    found = keys_of_frame(ids, {"a": "key"}, secret=SECRET)["key"]
    assert found.to_list() == ids.select(key_of("a", secret=SECRET)).to_series().to_list()


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = load_secret(settings)
    assert len(first) == 32
    assert load_secret(settings) == first
    assert [path.name for path in settings.home.iterdir()] == ["id_key"]
    assert (settings.home / "id_key").stat().st_mode & 0o777 == 0o600


def test_the_setting_overrides_the_file(tmp_path: Path) -> None:
    assert load_secret(Settings(home=tmp_path, id_key="x" * 20)) == b"x" * 20
    assert list(tmp_path.iterdir()) == []


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too short") as error:
        load_secret(Settings(home=tmp_path, id_key="hunter2"))
    assert error.value.field == "id_key"
    assert "hunter2" not in str(error.value)


def test_a_fingerprint_differs_between_secrets_and_does_not_contain_them() -> None:
    assert fingerprint_of(SECRET) != fingerprint_of(SECRET + b"x")
    assert SECRET.hex() not in fingerprint_of(SECRET)
