"""The shape of `reasons.toml`, what must hold between its parts and the catalogue, and sentences made ready."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Annotated, Final, Literal

from pydantic import Field

from linerisk.features.catalogue import BY_NAME, FEATURES
from linerisk.features.stages import FAMILIES
from linerisk.policy.file_model import Table, Words, wrong_key

_VALUE: Final = "value"
_WINDOW: Final = "window"


class Range(Table):
    """From which value to which a sentence is true; both ends belong to it."""

    at_least: float = -math.inf
    at_most: float = math.inf


class SentenceEntry(Words):
    """One sentence for some features, with the values under which it is true."""

    features: Annotated[tuple[str, ...], Field(min_length=1)]
    direction: Literal["raises", "lowers", "either"] = "either"
    when: dict[str, Range] = Field(default_factory=dict)
    compare: Literal["above", "below"] | None = None
    code: str | None = None


class Family(Words):
    """A family's name, and its code for ordinary values that lower the risk."""

    lowers: str


class Compared(Table):
    """How a value stands beside that of a typical line, put after a sentence."""

    above: Words
    below: Words


class ComparedByUnit(Table):
    """A count is more or less, a time longer or shorter, anything else higher or lower."""

    count: Compared
    time: Compared
    level: Compared

    def of(self, unit: str) -> Compared:
        """The words that go with a unit of the catalogue."""
        if unit == "count":
            return self.count
        return self.time if unit in {"s", "days"} else self.level


class Plain(Table):
    """What is said when no sentence fits."""

    value: Words
    compared: ComparedByUnit


class Unknown(Table):
    """Codes of columns that the catalogue does not know."""

    raises: str
    lowers: str


class ReasonsFile(Table):
    """All of `reasons.toml`."""

    codes: dict[Annotated[str, Field(pattern=r"^[AB]\d\d$")], Words]
    families: dict[str, Family]
    unknown: Unknown
    windows: dict[str, Words]
    plain: Plain
    sentences: tuple[SentenceEntry, ...]


@dataclass(frozen=True, slots=True)
class Spelled:
    """A template made ready to be filled in.

    Attributes:
        text: With `%s` for each place.
        places: Name of the feature whose value stands in each.
    """

    text: str
    places: tuple[str, ...]

    @classmethod
    def of(cls, template: str) -> Spelled:
        """From a template with names in braces.

        >>> Spelled.of("{calls} calls, 50 %")
        Spelled(text='%s calls, 50 %%', places=('calls',))
        """
        parts = list(Formatter().parse(template))
        text = "".join(said.replace("%", "%%") + ("" if place is None else "%s") for said, place, _, _ in parts)
        return cls(text, tuple(place for _, place, _, _ in parts if place is not None))


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of one feature.

    Attributes:
        zh: In Chinese, with places for values of features.
        en: The same in English.
        facts: Features that it rests on; it is not said where one of them has no value.
        ranges: Feature, least value, greatest value.
        direction: Which way the feature moved the risk.
        compare: On which side of a typical line's value it may be said to stand, if on any.
        code: Code in place of the family's, for a merit of its own.
    """

    zh: Spelled
    en: Spelled
    facts: tuple[str, ...]
    ranges: tuple[tuple[str, float, float], ...]
    direction: Literal["raises", "lowers", "either"]
    compare: Literal["above", "below"] | None
    code: str | None

    def fits(self, values: Mapping[str, float]) -> bool:
        """Whether the values bear the sentence out; one that is missing or not finite lies in no range."""
        for name, least, most in self.ranges:  # noqa: SIM110  # a generator for each would take longer than the look
            if not least <= values.get(name, math.nan) <= most:
                return False
        return True


def compiled(read: ReasonsFile) -> dict[str, tuple[Sentence, ...]]:
    """Sentences by feature, in the order of the file."""
    sentences: dict[str, list[Sentence]] = {}
    for entry in read.sentences:
        for name in entry.features:
            sentences.setdefault(name, []).append(_sentence(entry, name, read.windows))
    return {name: tuple(own) for name, own in sentences.items()}


def _sentence(entry: SentenceEntry, name: str, windows: dict[str, Words]) -> Sentence:
    when = {_meant(key, name): limits for key, limits in entry.when.items()}
    named = [_meant(place, name) for place in _places(entry.zh) if place != _WINDOW]
    facts = tuple(dict.fromkeys([name, *named, *when]))
    window = windows.get(BY_NAME[name].window)
    texts = {}
    for language, text in (("zh", entry.zh), ("en", entry.en)):
        spelled = text
        for place in set(_places(text)) - {_WINDOW}:
            spelled = spelled.replace(f"{{{place}}}", f"{{{_meant(place, name)}}}")
        texts[language] = spelled if window is None else spelled.replace(f"{{{_WINDOW}}}", getattr(window, language))
    # Every fact has a range, if only that it has a value at all.
    ranges = tuple((fact, *_ends(when.get(fact))) for fact in facts)
    return Sentence(
        zh=Spelled.of(texts["zh"]),
        en=Spelled.of(texts["en"]),
        facts=facts,
        ranges=ranges,
        direction=entry.direction,
        compare=entry.compare,
        code=entry.code,
    )


def _meant(key: str, name: str) -> str:
    """The feature that a key or a place of a sentence of `name` stands for; without a window, that of `name`."""
    if key == _VALUE:
        return name
    return key if key in BY_NAME else f"{key}_{BY_NAME[name].window}"


def _ends(limits: Range | None) -> tuple[float, float]:
    """The ends of a range; nothing that is not finite lies between them."""
    given = limits or Range()
    return max(given.at_least, -sys.float_info.max), min(given.at_most, sys.float_info.max)


def _places(text: str) -> list[str]:
    return [place for _, place, _, _ in Formatter().parse(text) if place is not None]


def check(read: ReasonsFile, file: Path) -> None:
    """What holds between the file and the catalogue.

    Raises:
        PolicyError: It does not; names the key.
    """
    _check_codes(read, file)
    windows = {feature.window for feature in FEATURES} - {"now"}
    if not windows <= set(read.windows):
        missing = sorted(windows - set(read.windows))
        raise wrong_key(file, "windows", expected=f"words for {sorted(windows)}", found=f"none for {missing}")
    for language, text in read.plain.value.model_dump().items():
        if set(_places(text)) != {"label", "value"}:
            raise wrong_key(file, f"plain.value.{language}", expected="places for label and value", found=text)
    for number, entry in enumerate(read.sentences):
        _check_sentence(entry, f"sentences.{number}", read, file)
    _check_merits(read, file)
    _check_yes_and_no(read, file)


def _check_codes(read: ReasonsFile, file: Path) -> None:
    if set(read.families) != set(FAMILIES):
        raise wrong_key(file, "families", expected=", ".join(FAMILIES), found=", ".join(read.families))
    of_features = {(f.name, code) for f in FEATURES for code in (f.reason_code, f.lowers_code) if code}
    of_families = {(f"families.{name}", family.lowers) for name, family in read.families.items()}
    of_columns = {("unknown.raises", read.unknown.raises), ("unknown.lowers", read.unknown.lowers)}
    for key, code in sorted(of_features | of_families | of_columns):
        if code not in read.codes:
            raise wrong_key(file, key, expected="a code of the file", found=code)


def _check_sentence(entry: SentenceEntry, key: str, read: ReasonsFile, file: Path) -> None:
    named = {"zh": set(_places(entry.zh)), "en": set(_places(entry.en))}
    if named["zh"] != named["en"]:
        raise wrong_key(
            file, f"{key}.en", expected=f"the places of zh, {sorted(named['zh'])}", found=f"{sorted(named['en'])}"
        )
    unknown = set(entry.features) - set(BY_NAME)
    if not unknown:
        used = (named["zh"] | set(entry.when)) - {_WINDOW}
        unknown = {place for place in used for name in entry.features if _meant(place, name) not in BY_NAME}
    if unknown:
        raise wrong_key(file, key, expected="features of the catalogue", found=f"{sorted(unknown)}")
    if entry.compare is not None and entry.direction == "lowers":
        raise wrong_key(file, f"{key}.compare", expected="none where it lowers the risk", found=entry.compare)
    for name in entry.features:
        feature = BY_NAME[name]
        if _WINDOW in named["zh"] and feature.window not in read.windows:
            raise wrong_key(file, key, expected="no place for a window", found=f"one, and {name} has none")
        if entry.code is not None and (entry.code != feature.lowers_code or entry.direction != "lowers"):
            raise wrong_key(
                file, f"{key}.code", expected=f"{feature.lowers_code} of {name}, direction lowers", found=entry.code
            )


def _check_merits(read: ReasonsFile, file: Path) -> None:
    """Every code for a merit has a sentence that claims it."""
    said = {(name, entry.code) for entry in read.sentences for name in entry.features if entry.code is not None}
    for feature in FEATURES:
        if feature.lowers_code is not None and (feature.name, feature.lowers_code) not in said:
            raise wrong_key(
                file, "sentences", expected=f"one of code {feature.lowers_code} for {feature.name}", found="none"
            )


def _check_yes_and_no(read: ReasonsFile, file: Path) -> None:
    """What is yes or no reads badly as a name with a value: both have a sentence."""
    sentences = compiled(read)
    for feature in FEATURES:
        own = [s for s in sentences.get(feature.name, ()) if s.direction == "either"]
        if feature.unit == "0/1" and not all(any(s.fits({feature.name: v}) for s in own) for v in (0.0, 1.0)):
            raise wrong_key(file, "sentences", expected=f"yes and no of {feature.name}", found="one of them at most")
