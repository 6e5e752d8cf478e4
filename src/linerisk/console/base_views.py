"""Contexts of the pages that anybody may meet: to log in, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPage:
    """The page to log in.

    Attributes:
        problem: Key of why it was refused; empty where it was not.
        note: Key of what there is to say; empty where there is nothing.
        next: Where to go then.
    """

    problem: str
    note: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPage:
    """A request that was not answered.

    Attributes:
        words: Key of what there is to say.
        detail: The facts, as the refusing part says them; empty where they would tell too much.
        number: Under which the log knows it; None where it is not logged.
    """

    words: str
    detail: str
    number: str | None
