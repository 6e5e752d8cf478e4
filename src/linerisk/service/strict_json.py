"""Strict JSON: refuses ambiguous bodies, and locates wrong values.

msgspec refuses NaN, Infinity, numbers out of range, invalid UTF-8 and trailing text, but not duplicate keys, which
readers resolve differently. They are found by counting: a body has one colon outside strings per key, and a parsed
object with a duplicate has fewer keys than that.
"""

from __future__ import annotations

import re
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np

from linerisk.web.errors import MalformedError, WrongValueError
from linerisk.web.http import Request
from linerisk.web.query_params import LONGEST_ID

Body = TypeVar("Body")


class _Identified(Protocol):
    @property
    def request_id(self) -> str: ...


Identified = TypeVar("Identified", bound=_Identified)

canonical_json = msgspec.json.Encoder(order="deterministic").encode
"""A request in canonical form."""

DEEPEST = 32
_SMALL = 4096
_PIECE = 65_536
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_AS_OF = re.compile(rb'"as_of"\s*:\s*"([^"]*)"')
_QUOTE, _COLON = ord('"'), ord(":")
_MESSAGE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_GOT = re.compile(r"^Expected `(?P<expected>.*)`, got `(?P<found>.*)`$")
_NAMED = re.compile(r"^Object (?P<what>contains unknown|missing required) field `(?P<name>.*)`$", re.DOTALL)
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|\.?([^.\[\]]+)")
_SHOWN = 60
_DESCRIBED = "see /docs.json for what may be sent"
_INSTANT = "an instant with its offset from UTC, such as 2024-07-26T00:00:00Z"


def read(body: bytes, kind: type[Body]) -> tuple[Body, bytes]:
    """Read a request; also give its canonical form, which does not depend on spaces and the order of keys.

    Usually one pass is enough: the canonical form has the keys and texts of the body, so equal numbers of colons mean
    that no key occurs twice. `as_of` is left out of the count, because an instant has several spellings. With escapes
    in the body, or on any error, the body is parsed step by step. `kind` must omit fields that are not given, and may
    have one `as_of` only.

    Raises:
        MalformedError: It is not unambiguous JSON.
        WrongValueError: A field is missing, unknown, of another type or out of bounds; it says where.
    """
    try:
        request = msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        request = typed(parse(body), kind)
        return request, canonical_json(request)
    canonical = canonical_json(request)
    if b"\\" in body or not _as_many_colons(body, canonical, as_of=getattr(request, "as_of", None)):
        parse(body)
    return request, canonical


def parse(body: bytes) -> Any:
    """Parse a body to plain objects.

    Raises:
        MalformedError: It is not unambiguous JSON.
    """
    try:
        tree = msgspec.json.decode(body)
    except RecursionError as error:
        raise _too_deep() from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise MalformedError(
            "the body is not JSON",
            expected="one JSON object in UTF-8, without NaN, Infinity or numbers out of range",
            todo="write the body with a JSON library",
        ) from error
    if colons_outside_strings(body) != _keys(tree, 0):
        raise MalformedError(
            "an object in the body names a key twice", expected="every key once", todo="remove one of the two"
        )
    return tree


def colons_outside_strings(body: bytes) -> int:
    """The number of keys in valid JSON text, duplicates counted.

    >>> colons_outside_strings(b'{"a:b": {"c": ":"}}')
    2
    """
    if len(body) < _SMALL or b"\\" in body:
        return _STRING.sub(b"", body).count(b":")
    text = np.frombuffer(body, dtype=np.uint8)
    inside = np.bitwise_xor.accumulate(text == _QUOTE)
    return int(np.count_nonzero((text == _COLON) & ~inside))


def _as_many_colons(body: bytes, canonical: bytes, *, as_of: object) -> bool:
    """Whether a body without escapes has as many colons as its canonical form, those in `as_of` aside.

    Only the first `as_of` of the body is left out, so a second one shows in the count.
    """
    given, written = _count(body), _count(canonical)
    if as_of is not None and (said := _AS_OF.search(body)):
        given -= said[1].count(b":")
        written -= canonical_json(as_of).count(b":")
    return given == written


def _count(body: bytes) -> int:
    """Number of colons; long bodies are counted in pieces, because a mask of the whole body would need its memory."""
    if len(body) < _SMALL:
        return body.count(b":")
    text = np.frombuffer(body, dtype=np.uint8)
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return sum(int(np.count_nonzero(piece == _COLON)) for piece in pieces)


def read_of(request: Request, body: bytes, kind: type[Identified]) -> tuple[Identified, bytes]:
    """`read`, which also sets `request.request_id`, even if another field is wrong."""
    try:
        found, canonical = read(body, kind)
    except WrongValueError:
        tree = parse(body)
        given = tree.get("request_id") if isinstance(tree, dict) else None
        request.request_id = given[:LONGEST_ID] if isinstance(given, str) else None
        raise
    request.request_id = found.request_id
    return found, canonical


def typed(tree: Any, kind: type[Body]) -> Body:
    """Convert a tree to a request, with strict types.

    Raises:
        WrongValueError: A field is missing, unknown, of another type or out of bounds; it says where.
    """
    try:
        return msgspec.convert(tree, type=kind)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), tree) from error


def _keys(value: Any, depth: int) -> int:
    """Number of keys in a tree."""
    if depth > DEEPEST:
        raise _too_deep()
    inner = value
    found = 0
    if isinstance(value, dict):
        found, inner = len(value), value.values()
    elif not isinstance(value, list):
        return 0
    return found + sum(_keys(each, depth + 1) for each in inner if each.__class__ is dict or each.__class__ is list)


def _too_deep() -> MalformedError:
    return MalformedError("the body is nested too deeply", expected=f"at most {DEEPEST} levels", todo=_DESCRIBED)


def _wrong(message: str, tree: Any) -> WrongValueError:
    """Turn an error of msgspec into facts, with the value found."""
    parts = _MESSAGE.match(message)
    what, path = (parts["what"], parts["path"] or "") if parts else (message, "")
    if named := _NAMED.match(what):
        field = f"{path}.{named['name']}".lstrip(".")
        if named["what"].startswith("missing"):
            return WrongValueError(
                "a field is missing", expected=f"`{named['name']}`", found="none", todo="add it", field=field
            )
        return WrongValueError(
            "a field is not known here",
            found=f"`{named['name'][:_SHOWN]}`",
            todo="leave it out, or check its spelling",
            field=field[:200],
        )
    if "datetime" in what:
        return WrongValueError(
            "a value is not an instant",
            expected=_INSTANT,
            found=_quoted(_at(tree, path)),
            todo="write it so",
            field=path or None,
        )
    if got := _GOT.match(what):
        return WrongValueError(
            "a value has a wrong type",
            expected=got["expected"],
            found=got["found"],
            todo="send a value of that type",
            field=path or None,
        )
    expected = what.removeprefix("Expected ").replace("`", "")
    value = _at(tree, path)
    return WrongValueError(
        "a value is wrong",
        expected=expected,
        found=_quoted(value),
        todo="send fewer lines at a time" if path == "lines" and value else _DESCRIBED,
        field=path or None,
    )


def _at(tree: Any, path: str) -> Any:
    """The value at a path; None if the path does not exist."""
    for index, name in _STEP.findall(path):
        try:
            tree = tree[int(index)] if index else tree[name]
        except (LookupError, TypeError, ValueError):
            return None
    return tree


def _quoted(value: Any) -> str:
    """A shortened value; lists and objects as their length."""
    if isinstance(value, list | dict):
        return f"{len(value)} items"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
