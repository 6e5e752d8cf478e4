"""Text from outside: whether a file is text at all, and how its words are shown without doing harm on a terminal."""

from __future__ import annotations

import codecs
import gzip
import re
from pathlib import Path
from typing import IO, cast

HEADER_BYTES = 2**16
"""A header that is longer is none."""

_CHUNK = 2**20
_SAMPLE_BYTES = 16
_GZIP = b"\x1f\x8b"
_OTHER_PACKING = (b"\x28\xb5\x2f\xfd", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_BEGINNINGS = {
    b"\xff\xfe": "it begins like UTF-16",
    b"\xfe\xff": "it begins like UTF-16",
    b"PK\x03\x04": "it begins like a ZIP file, such as a spreadsheet",
    b"PAR1": "it begins like a Parquet file",
}


def quoted(text: str, *, most: int | None = None) -> str:
    r"""Text from outside, fit to be printed: what is no printable character is escaped, and the rest is cut off.

    >>> shown("a\x1b[2J")
    'a\\x1b[2J'
    >>> shown("prepayment", most=6)
    'prepa…'
    """
    escaped = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return escaped if most is None or len(escaped) <= most else f"{escaped[: most - 1]}…"


def not_text(path: Path, *, separator: str, whole: bool = False) -> str | None:
    """What shows that a file is not text in UTF-8, with the bytes that do; None if nothing does.

    Args:
        path: The file; gzip is looked into.
        separator: A control character that may stand in a header.
        whole: Look at all of it for bytes that are not UTF-8, not at the header only.
    """
    with path.open("rb") as raw:
        beginning = raw.read(4)
        raw.seek(0)
        if beginning.startswith(_OTHER_PACKING):
            return None
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if beginning.startswith(_GZIP) else raw
        try:
            head = file.read(HEADER_BYTES)
        except (OSError, EOFError):
            return "the gzip packing is damaged"
        header = head.split(b"\n", 1)[0]
        wrong = _not_utf8(header, 0, cut=header == head) or _control(header, separator)
        if wrong:
            wrong = "; ".join([wrong, *(content for bytes_, content in _BEGINNINGS.items() if head.startswith(bytes_))])
        return wrong or (_somewhere(file, head) if whole else None)


def _somewhere(file: IO[bytes], chunk: bytes) -> str | None:
    """The first bytes of a whole file that are not UTF-8."""
    at, rest = 0, b""
    while chunk:
        following = file.read(_CHUNK)
        block = rest + chunk
        wrong = _not_utf8(block, at, cut=bool(following))
        if wrong:
            return wrong
        whole = len(codecs.utf_8_decode(block, "strict", not following)[0].encode())
        at, rest, chunk = at + whole, block[whole:], following
    return None


def _not_utf8(content: bytes, at: int, *, cut: bool) -> str | None:
    try:
        codecs.utf_8_decode(content, "strict", not cut)
    except UnicodeDecodeError as error:
        return f"not UTF-8 from byte {at + error.start + 1} on: {_sample(content[error.start :])}"
    return None


def _control(header: bytes, separator: str) -> str | None:
    found = re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", header.replace(separator.encode(), b","))
    return None if found is None else f"control characters in its first line: {_sample(header[found.start() :])}"


def _sample(content: bytes) -> str:
    """A few bytes, escaped; letters and digits are dots, since they may be those of an id."""
    return "".join(_escaped(bytes([each])) for each in content[:_SAMPLE_BYTES])


def _escaped(byte: bytes) -> str:
    if byte.isalnum():
        return "."
    return byte.decode() if byte.isascii() and byte.decode().isprintable() else f"\\x{byte.hex()}"
