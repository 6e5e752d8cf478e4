"""Untrusted text: checks that a file is UTF-8 text, and escapes values for safe output on a terminal."""

from __future__ import annotations

import codecs
import gzip
import re
from pathlib import Path
from typing import IO, cast

HEADER_BYTES = 2**16
"""Longest header that is read, in bytes."""

_CHUNK = 2**20
_SAMPLE_BYTES = 16
_GZIP = b"\x1f\x8b"
_OTHER_COMPRESSION = (b"\x28\xb5\x2f\xfd", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_SIGNATURES = {
    b"\xff\xfe": "it begins like UTF-16",
    b"\xfe\xff": "it begins like UTF-16",
    b"PK\x03\x04": "it begins like a ZIP file, such as a spreadsheet",
    b"PAR1": "it begins like a Parquet file",
}


def printable(text: str, *, most: int | None = None) -> str:
    r"""Escape unprintable characters of untrusted text, and truncate it to `most` characters.

    >>> printable("a\x1b[2J")
    'a\\x1b[2J'
    >>> printable("prepayment", most=6)
    'prepa…'
    """
    escaped = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return escaped if most is None or len(escaped) <= most else f"{escaped[: most - 1]}…"


def why_not_text(path: Path, *, separator: str, whole: bool = False) -> str | None:
    """The reason why a file is not UTF-8 text, with the offending bytes; None if it is text.

    Args:
        path: The file; gzip is decompressed.
        separator: A control character that is allowed in the header.
        whole: Check the whole file for invalid UTF-8, not the header only.
    """
    with path.open("rb") as raw:
        beginning = raw.read(4)
        raw.seek(0)
        if beginning.startswith(_OTHER_COMPRESSION):
            return None
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if beginning.startswith(_GZIP) else raw
        try:
            head = file.read(HEADER_BYTES)
        except (OSError, EOFError):
            return "the gzip data is damaged"
        header = head.split(b"\n", 1)[0]
        wrong = _not_utf8(header, 0, cut=header == head) or _control_characters(header, separator)
        if wrong:
            wrong = "; ".join([wrong, *(hint for bytes_, hint in _SIGNATURES.items() if head.startswith(bytes_))])
        return wrong or (_first_invalid_bytes(file, head) if whole else None)


def _first_invalid_bytes(file: IO[bytes], chunk: bytes) -> str | None:
    """The first invalid UTF-8 bytes of a whole file."""
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


def _control_characters(header: bytes, separator: str) -> str | None:
    found = re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", header.replace(separator.encode(), b","))
    return None if found is None else f"control characters in its first line: {_sample(header[found.start() :])}"


def _sample(content: bytes) -> str:
    """A few escaped bytes; letters and digits become dots, because they may belong to an id."""
    return "".join(_escaped(bytes([each])) for each in content[:_SAMPLE_BYTES])


def _escaped(byte: bytes) -> str:
    if byte.isalnum():
        return "."
    return byte.decode() if byte.isascii() and byte.decode().isprintable() else f"\\x{byte.hex()}"
