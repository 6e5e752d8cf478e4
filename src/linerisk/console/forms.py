"""Reading forms, and refusing those that another site made the browser send."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from linerisk.console.page_request import FormRefusedError
from linerisk.web.errors import MalformedError, MediaTypeError, TooLargeError

MOST_BYTES = 64 * 1024
_MOST_FIELDS = 32


async def form_of(request: Request) -> dict[str, str]:
    """Fields of a form.

    Raises:
        MediaTypeError: The body is said to be something else.
        TooLargeError: It is larger than any form of ours.
        MalformedError: It is no form, or names a field twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise MediaTypeError(
            "the body is of another kind", expected="a form of the console", todo="send the form from its page"
        )
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLargeError(
                "the form is too large", expected=f"at most {MOST_BYTES} bytes", todo="shorten what was written"
            )
    try:
        pairs = parse_qs(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), errors="strict",
            max_num_fields=_MOST_FIELDS,
        )  # fmt: skip
    except ValueError as error:
        raise MalformedError(
            "the form cannot be read", expected="percent-encoded UTF-8", todo="send the form from its page"
        ) from error
    if any(len(values) > 1 for values in pairs.values()):
        raise MalformedError("a field of the form is given twice", todo="send the form from its page")
    return {name: values[0].replace("\r\n", "\n") for name, values in pairs.items()}


def query_of(request: Request) -> dict[str, str]:
    """Query parameters.

    Raises:
        MalformedError: They are not UTF-8, or one is given twice.
    """
    try:
        text = request.scope["query_string"].decode("ascii")
        pairs = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise MalformedError(
            "the query cannot be read", expected="percent-encoded UTF-8", todo="follow a link of the console"
        ) from error
    if any(len(values) > 1 for values in pairs.values()):
        raise MalformedError("a query parameter is given twice", todo="give every parameter once")
    return {name: values[0] for name, values in pairs.items()}


def check_origin(request: Request) -> None:
    """Whether the browser says that the form is from a page of ours.

    Raises:
        FormRefusedError: It says otherwise, or nothing.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same = site == "same-origin" if site is not None else False
    if site is None and origin is not None:
        same = urlsplit(origin).netloc == request.headers.get("host")
    if not same:
        raise FormRefusedError(
            "the form did not come from a page of this console", todo="open the page again and send it from there"
        )


def check_secret(form: dict[str, str], csrf: str) -> None:
    """Whether a form brings back the secret of the session, compared in constant time.

    Raises:
        FormRefusedError: It does not.
    """
    given = form.pop("csrf", "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), csrf.encode()):
        raise FormRefusedError("the form is not of this session", todo="open the page again and send it from there")
