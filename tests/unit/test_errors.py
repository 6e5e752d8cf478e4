"""Error paragraphs, and parsing of instants."""

import pytest

from linerisk.as_of import iso, parse_instant
from linerisk.errors import InputError, LineriskError


def test_the_paragraph_contains_every_fact() -> None:
    error = InputError("a", expected="b", found="c", todo="d")
    assert isinstance(error, LineriskError)
    assert str(error) == "a. Expected: b. Found: c. To mend it: d."


def test_instants_are_utc_and_written_with_z() -> None:
    assert iso(parse_instant("2024-07-25T08:00:00+08:00")) == "2024-07-25T00:00:00Z"


def test_an_invalid_instant_is_refused() -> None:
    with pytest.raises(InputError, match="ISO 8601"):
        parse_instant("yesterday")
