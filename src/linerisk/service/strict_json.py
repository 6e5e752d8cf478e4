"""JSON that means one thing only, and where in it a wrong value stands.

msgspec refuses NaN, Infinity, numbers out of range, invalid UTF-8 and trailing text; two readers may still disagree
about an object that names a key twice, so that is refused here: the colons outside strings are as many as there are
keys, and a reader that lost one has fewer.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
import numpy as np

from linerisk.service.errors import MalformedError, WrongValueError

Request = TypeVar("Request")

DEEPEST = 32
_SMALL = 4096
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_QUOTE, _COLON = ord('"'), ord(":")
_MESSAGE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_GOT = re.compile(r"^Expected `(?P<expected>.*)`, got `(?P<found>.*)`$")
_NAMED = re.compile(r"^Object (?P<what>contains unknown|missing required) field `(?P<name>.*)`$", re.DOTALL)
_STEP = re.compile(r"\[(\d+|\.\.\.)\]|\.?([^.\[\]]+)")
_SHOWN = 60
_INSTANT = "an instant with its offset from UTC, such as 2024-07-26T00:00:00Z"


def parse(body: bytes) -> Any:
    """Read a body.

    Raises:
        MalformedError: It is not JSON that means one thing only.
    """
    try:
        tree = msgspec.json.decode(body)
    except RecursionError as error:
        raise _too_deep() from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise MalformedError(
            "the body is not JSON", expected="one JSON object in UTF-8, without NaN, Infinity or numbers out of range"
        ) from error
    if colons_outside_strings(body) != _keys(tree, 0):
        raise MalformedError("an object in the body names a key twice", expected="every key once")
    return tree


def colons_outside_strings(body: bytes) -> int:
    """How many keys the text of valid JSON names.

    >>> colons_outside_strings(b'{"a:b": {"c": ":"}}')
    2
    """
    if len(body) < _SMALL or b"\\" in body:
        return _STRING.sub(b"", body).count(b":")
    text = np.frombuffer(body, dtype=np.uint8)
    inside = np.bitwise_xor.accumulate(text == _QUOTE)
    return int(np.count_nonzero((text == _COLON) & ~inside))


def typed(tree: Any, kind: type[Request]) -> Request:
    """The request in a tree, types taken strictly.

    Raises:
        WrongValueError: A field is missing, unknown, of another type or out of bounds; it says where.
    """
    try:
        return msgspec.convert(tree, type=kind)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), tree) from error


def _keys(value: Any, depth: int) -> int:
    """The number of keys in a tree."""
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
    return MalformedError("the body is nested too deeply", expected=f"at most {DEEPEST} levels")


def _wrong(message: str, tree: Any) -> WrongValueError:
    """What msgspec says as facts, with the value that it found."""
    parts = _MESSAGE.match(message)
    what, path = (parts["what"], parts["path"] or "") if parts else (message, "")
    if named := _NAMED.match(what):
        field = f"{path}.{named['name']}".lstrip(".")
        if named["what"].startswith("missing"):
            return WrongValueError("a field is missing", expected=f"`{named['name']}`", found="none", field=field)
        return WrongValueError("a field is not known here", found=f"`{named['name'][:_SHOWN]}`", field=field[:200])
    if "datetime" in what:
        return WrongValueError(
            "a value is no instant", expected=_INSTANT, found=_shown(_at(tree, path)), field=path or None
        )
    if got := _GOT.match(what):
        return WrongValueError(
            "a value has a wrong type", expected=got["expected"], found=got["found"], field=path or None
        )
    expected = what.removeprefix("Expected ").replace("`", "")
    return WrongValueError("a value is wrong", expected=expected, found=_shown(_at(tree, path)), field=path or None)


def _at(tree: Any, path: str) -> Any:
    """The value at a path; None where the path cannot be followed."""
    for index, name in _STEP.findall(path):
        try:
            tree = tree[int(index)] if index else tree[name]
        except (LookupError, TypeError, ValueError):
            return None
    return tree


def _shown(value: Any) -> str:
    """A value, cut short; of a list or object only how long it is."""
    if isinstance(value, list | dict):
        return f"{len(value)} of them"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
