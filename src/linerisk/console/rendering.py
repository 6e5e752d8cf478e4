"""Templates to bytes, the frame around every page, and the files that pages load from here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from linerisk.console.page_request import OVERSEERS, READERS, PageRequest
from linerisk.console.translations import HTML_LANGUAGE, LANGUAGE_NAMES, local, percent, translator
from linerisk.suspension.local_time import LANGUAGES, Language
from linerisk.web.token_store import Role

_PAGES = Environment(
    loader=PackageLoader("linerisk.console", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _age(age: str, language: Language) -> str:
    """The age of a mark, as drawings of the evidence have it, in a language."""
    return age.replace(" d", "天").replace(" y", "年") if language == "zh" else age


_PAGES.filters |= {"age": _age, "percent": percent}
_KINDS: Final = {"console.css": "text/css; charset=utf-8", "htmx.min.js": "text/javascript; charset=utf-8"}
STATIC: Final = {name: (files(__package__).joinpath("pages", name).read_bytes(), kind) for name, kind in _KINDS.items()}
"""By name: the bytes of a file and its type."""
_VERSIONS: Final = {name: hashlib.sha256(content).hexdigest()[:12] for name, (content, _) in STATIC.items()}
CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_NAVIGATION: Final = (
    ("queue", "/review", READERS),
    ("lines", "/review/lines", READERS),
    ("overturns", "/review/overturns", READERS),
    ("model", "/review/model", READERS),
    ("audit", "/review/audit", OVERSEERS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around a page.

    Attributes:
        language: `zh` or `en`.
        html_language: The same as HTML names it.
        languages: Every language with its own name.
        path: Path and query of the page, to come back to after a change of language.
        name: Who is logged in; None of the page to log in.
        role: Their role; None of the page to log in.
        csrf: What every form brings back; empty of the page to log in.
        links: Key, address and whether it is this page, of every page that the role may open.
        time_zone: Of the times on the page.
        versions: By name of a file that pages load: part of its hash, so that a new one is loaded at once.
    """

    language: Language
    html_language: str
    languages: dict[Language, str]
    path: str
    name: str | None
    role: Role | None
    csrf: str
    links: tuple[tuple[str, str, bool], ...]
    time_zone: str
    versions: dict[str, str]


def frame_of(request: PageRequest, *, path: str, time_zone: str) -> Frame:
    """The frame of somebody who is logged in."""
    role = Role(request.actor.role)
    here = path.partition("?")[0]
    return Frame(
        language=request.language,
        html_language=HTML_LANGUAGE[request.language],
        languages=LANGUAGE_NAMES,
        path=path,
        name=request.actor.name,
        role=role,
        csrf=request.session.csrf,
        links=tuple((key, address, address == here) for key, address, roles in _NAVIGATION if role in roles),
        time_zone=time_zone,
        versions=_VERSIONS,
    )


def bare_frame(language: Language, *, path: str, time_zone: str) -> Frame:
    """The frame of somebody who is not logged in."""
    return Frame(
        language=language,
        html_language=HTML_LANGUAGE[language],
        languages={each: LANGUAGE_NAMES[each] for each in LANGUAGES},
        path=path,
        name=None,
        role=None,
        csrf="",
        links=(),
        time_zone=time_zone,
        versions=_VERSIONS,
    )


def compile_pages() -> None:
    """Compile every template, which else the first visitor of each page waits for; they are kept by this process."""
    for name in _PAGES.list_templates(extensions=["j2"]):
        _PAGES.get_template(name)


def render(template: str, frame: Frame, page: Any) -> bytes:
    """A page, in UTF-8."""

    def at(instant: datetime) -> str:
        return local(instant, frame.time_zone)

    made = _PAGES.get_template(template)
    return made.render(frame=frame, page=page, t=translator(frame.language), at=at).encode()
