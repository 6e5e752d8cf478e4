"""Strict JSON: no duplicate keys, limited depth, and errors with the path of the wrong value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from linerisk.errors import LineriskError
from linerisk.service.api import ROUTES
from linerisk.service.request_types import RecordsRequest, ScoreRequest
from linerisk.service.strict_json import DEEPEST, colons_outside_strings, parse, read, typed
from linerisk.web.errors import MalformedError, WrongValueError

texts = st.text(alphabet=st.sampled_from('ab:,"\\{}[] é\n'), max_size=8)
trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(trees, st.booleans())
def test_any_valid_json_is_read(tree: Any, ascii_only: bool) -> None:  # noqa: FBT001
    assert parse(json.dumps(tree, ensure_ascii=ascii_only).encode()) == tree


@given(st.dictionaries(texts, trees, min_size=1, max_size=4))
def test_a_duplicate_key_is_never_accepted(tree: dict[str, Any]) -> None:
    name = next(iter(tree))
    text = json.dumps(tree)
    again = f"{text[:-1]}, {json.dumps(name)}: 1}}"
    for wrapped in (again, f"[[{again}]]"):
        with pytest.raises(MalformedError, match="twice"):
            parse(wrapped.encode())


def test_keys_of_long_bodies_are_counted_like_those_of_short_ones() -> None:
    body = msgspec.json.encode([{"a:b": "c:d", "e": [{"f": ":::"}]}] * 2_000)
    assert len(body) > 4096
    assert colons_outside_strings(body) == 6_000
    assert colons_outside_strings(body.replace(b"c:d", b'c\\":d')) == 6_000


def test_depth_is_bounded() -> None:
    parse(b"[" * DEEPEST + b"]" * DEEPEST)
    for depth in (DEEPEST + 2, 1_000, 1_000_000):
        with pytest.raises(MalformedError, match=r"deep|not JSON"):
            parse(b"[" * depth + b"]" * depth)


def facts(tree: Any, kind: type[Any]) -> tuple[str | None, str | None, str | None]:
    with pytest.raises(WrongValueError) as refusal:
        typed(tree, kind)
    error = refusal.value
    return error.field, error.expected, error.found


def test_a_missing_field_is_named() -> None:
    assert facts({"request_id": "r"}, ScoreRequest) == ("lines", "`lines`", "none")


def test_an_unknown_field_is_named_with_its_place() -> None:
    tree = {"request_id": "r", "lines": [{"line_id": "a"}, {"line_id": "b", "lineid": 1}]}
    assert facts(tree, ScoreRequest) == ("lines[1].lineid", None, "`lineid`")


def test_a_wrong_type_names_the_expected_and_the_found_type() -> None:
    record = {"peer_id": "p", "record_type": "call_out", "started_at": 5, "duration_s": 1}
    tree = {"request_id": "r", "lines": [{"line_id": "a", "records": [record]}]}
    assert facts(tree, RecordsRequest) == ("lines[0].records[0].started_at", "str", "int")


def test_a_wrong_value_is_named_in_the_error() -> None:
    assert facts({"request_id": "a b", "lines": [{"line_id": "x"}]}, ScoreRequest) == (
        "request_id",
        "str matching regex '^[!-~]+$'",
        '"a b"',
    )


def test_a_long_value_is_cut_short() -> None:
    _, _, found = facts({"request_id": "x" * 500, "lines": [{"line_id": "x"}]}, ScoreRequest)
    assert found == '"' + "x" * 59 + "…"


def test_the_error_names_only_the_length_of_a_list() -> None:
    _, expected, found = facts({"request_id": "r", "lines": [{"line_id": "x"}] * 1_001}, ScoreRequest)
    assert (expected, found) == ("array of length <= 1000", "1001 items")


# In one step or step by step ------------------------------------------------------------------------------------------

GIVEN = st.sampled_from([None, "x:y", "é", 3, -1, True])
BODIES = st.fixed_dictionaries(
    {"request_id": st.text("ab:-", min_size=1, max_size=4), "lines": st.lists(
        st.fixed_dictionaries({"line_id": st.sampled_from(["a", 'b"', "c:", 7]), "records": st.lists(
            st.fixed_dictionaries(
                {"peer_id": st.sampled_from(["p", "q:r", "é"]), "record_type": st.just("x"), "started_at": st.just("t"),
                 "duration_s": st.integers(0, 3)},
                optional={"cell_id": GIVEN, "answered": GIVEN, "nobody": GIVEN},
            ), max_size=2)}, optional={"account": st.none()}), min_size=1, max_size=2)},
    optional={"as_of": st.sampled_from([None, "2024-07-26T00:00:00Z", "2024-07-26T08:00:00+0800", "?"])},
)  # fmt: skip


def outcome(decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except LineriskError as error:
        return type(error), error.wrong, error.expected, error.found, error.field


@given(BODIES, st.booleans())
def test_decoding_in_one_step_equals_decoding_step_by_step(body: dict[str, Any], spaced: bool) -> None:  # noqa: FBT001
    text = json.dumps(body, separators=(", ", " : ") if spaced else (",", ":"), ensure_ascii=False).encode()
    step_by_step = outcome(lambda: typed(parse(text), RecordsRequest))
    in_one = outcome(lambda: read(text, RecordsRequest))
    assert (in_one[0] if isinstance(step_by_step, RecordsRequest) else in_one) == step_by_step


@given(BODIES, st.data())
def test_a_duplicate_key_is_refused_at_any_depth(body: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(body, ensure_ascii=False)
    pairs = list(re.finditer(r'"\w+": (?:null|true|false|\d+|"[^"\\]*")', text))
    assume(pairs)
    pair = data.draw(st.sampled_from(pairs))
    twice = (text[: pair.end()] + ", " + pair.group() + text[pair.end() :]).encode()
    with pytest.raises(MalformedError, match="twice"):
        read(twice, RecordsRequest)


@given(BODIES, st.data())
def test_a_duplicate_key_is_refused_in_a_long_body(body: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(body, ensure_ascii=False) + " " * 5_000
    assert outcome(lambda: read(text.encode(), RecordsRequest)) == outcome(
        lambda: read(text.strip().encode(), RecordsRequest)
    )
    pairs = list(re.finditer(r'"\w+": (?:null|true|false|\d+|"[^"\\]*")', text))
    pair = data.draw(st.sampled_from(pairs))
    with pytest.raises(MalformedError, match="twice"):
        read((text[: pair.end()] + ", " + pair.group() + text[pair.end() :]).encode(), RecordsRequest)


AS_OFS = ["null", *(f'"2024-07-26T00:00:00{rest}"' for rest in ("Z", "+0000", "+00:00", ".5Z", "-08:00"))]


@pytest.mark.parametrize("first", AS_OFS)
@pytest.mark.parametrize("second", AS_OFS)
def test_a_duplicate_instant_is_refused_in_any_notation(first: str, second: str) -> None:
    text = f'{{"as_of":{first},"lines":[{{"line_id":"a"}}],"as_of":{second},"request_id":"r"}}'
    with pytest.raises(MalformedError, match="twice"):
        read(text.encode(), ScoreRequest)
    once, _ = read(text.replace(f'"as_of":{first},', "", 1).encode(), ScoreRequest)
    assert (once.as_of is None) == (second == "null")


@pytest.mark.parametrize("spaces", [0, 5_000, 65_400, 65_536, 200_000])
def test_a_duplicate_key_is_refused_in_a_body_of_any_length(spaces: int) -> None:
    text = b'{"lines":[{"line_id":"a"}],' + b" " * spaces + b'"request_id":"r"}'
    assert read(text, ScoreRequest)[0].request_id == "r"
    with pytest.raises(MalformedError, match="twice"):
        read(text.replace(b'"r"}', b'"r","request_id":"r"}'), ScoreRequest)


@pytest.mark.parametrize("kind", [route.body for route in ROUTES if route.body is not None])
def test_as_of_is_a_field_of_the_request_alone_and_of_no_nested_type(kind: type) -> None:
    _, parts = msgspec.json.schema_components([kind])
    assert [name for name, part in parts.items() if "as_of" in part.get("properties", {})] in ([], [kind.__name__])


def test_a_null_field_and_a_missing_field_are_different_bodies() -> None:
    plain = b'{"request_id":"r","lines":[{"line_id":"a","records":[]}]}'
    _, without = read(plain, RecordsRequest)
    _, as_null = read(plain.replace(b"[]}", b'[],"account":null}'), RecordsRequest)
    assert without != as_null


def test_order_of_keys_and_spaces_does_not_change_the_body() -> None:
    _, one = read(b'{"request_id":"r","lines":[{"line_id":"a"}]}', ScoreRequest)
    _, other = read(b'{ "lines" : [ {"line_id":"a"} ],\n "request_id":"r" }', ScoreRequest)
    assert one == other
