"""Reason templates: the schema of `reasons.toml`, its checks against the catalogue, and compiled sentences."""

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
    """Range of values for which a sentence is true; both bounds are inclusive."""

    at_least: float = -math.inf
    at_most: float = math.inf


class SentenceEntry(Words):
    """One sentence for some features, with the conditions under which it is true."""

    features: Annotated[tuple[str, ...], Field(min_length=1)]
    direction: Literal["raises", "lowers", "either"] = "either"
    when: dict[str, Range] = Field(default_factory=dict)
    compare: Literal["above", "below"] | None = None
    code: str | None = None


class Family(Words):
    """A family's name, and its code for ordinary values that lower the risk."""

    lowers: str


class Comparison(Table):
    """Texts after a sentence that compare the value with that of a typical line."""

    above: Words
    below: Words


class ComparisonByUnit(Table):
    """Comparisons by unit: a count is more or fewer, a time longer or shorter, any other value higher or lower."""

    count: Comparison
    time: Comparison
    level: Comparison

    def of(self, unit: str) -> Comparison:
        """The comparison texts for a unit of the catalogue."""
        if unit == "count":
            return self.count
        return self.time if unit in {"s", "days"} else self.level


class PlainTexts(Table):
    """Texts for a value that no sentence fits."""

    value: Words
    compared: ComparisonByUnit


class UnknownColumnCodes(Table):
    """Codes of columns outside the catalogue."""

    raises: str
    lowers: str


class ReasonsFile(Table):
    """Schema of `reasons.toml`."""

    codes: dict[Annotated[str, Field(pattern=r"^[AB]\d\d$")], Words]
    families: dict[str, Family]
    unknown: UnknownColumnCodes
    windows: dict[str, Words]
    plain: PlainTexts
    sentences: tuple[SentenceEntry, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with placeholders, compiled for the `%` operator.

    Attributes:
        text: The sentence, with `%s` for each placeholder.
        placeholders: Name of the feature for each placeholder.
    """

    text: str
    placeholders: tuple[str, ...]

    @classmethod
    def parse(cls, template: str) -> Template:
        """Parse a template with feature names in braces.

        >>> Template.parse("{calls} calls, 50 %")
        Template(text='%s calls, 50 %%', placeholders=('calls',))
        """
        parts = list(Formatter().parse(template))
        text = "".join(literal.replace("%", "%%") + ("" if name is None else "%s") for literal, name, _, _ in parts)
        return cls(text, tuple(name for _, name, _, _ in parts if name is not None))


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of one feature.

    Attributes:
        zh: In Chinese, with placeholders for values of features.
        en: The same in English.
        facts: Features that it depends on; the sentence does not fit if one of them has no value.
        ranges: Feature, minimum, maximum.
        direction: The direction of the risk for which it may be used.
        compare: The side of a typical line's value on which a comparison may follow; None for no comparison.
        code: Code that replaces the family's, for a merit of its own.
    """

    zh: Template
    en: Template
    facts: tuple[str, ...]
    ranges: tuple[tuple[str, float, float], ...]
    direction: Literal["raises", "lowers", "either"]
    compare: Literal["above", "below"] | None
    code: str | None

    def fits(self, values: Mapping[str, float]) -> bool:
        """Whether the sentence is true of the values; a missing or infinite value is in no range."""
        for name, least, most in self.ranges:  # noqa: SIM110  # a generator would take longer than the comparison
            if not least <= values.get(name, math.nan) <= most:
                return False
        return True


def compile_sentences(reasons: ReasonsFile) -> dict[str, tuple[Sentence, ...]]:
    """Sentences by feature, in the order of the file."""
    sentences: dict[str, list[Sentence]] = {}
    for entry in reasons.sentences:
        for name in entry.features:
            sentences.setdefault(name, []).append(_sentence(entry, name, reasons.windows))
    return {name: tuple(own) for name, own in sentences.items()}


def _sentence(entry: SentenceEntry, name: str, windows: dict[str, Words]) -> Sentence:
    when = {_feature_name(key, name): limits for key, limits in entry.when.items()}
    named = [_feature_name(place, name) for place in _placeholders(entry.zh) if place != _WINDOW]
    facts = tuple(dict.fromkeys([name, *named, *when]))
    window = windows.get(BY_NAME[name].window)
    texts = {}
    for language, text in (("zh", entry.zh), ("en", entry.en)):
        template = text
        for place in set(_placeholders(text)) - {_WINDOW}:
            template = template.replace(f"{{{place}}}", f"{{{_feature_name(place, name)}}}")
        texts[language] = template if window is None else template.replace(f"{{{_WINDOW}}}", getattr(window, language))
    # Every fact has a range; the default range only requires a finite value.
    ranges = tuple((fact, *_bounds(when.get(fact))) for fact in facts)
    return Sentence(
        zh=Template.parse(texts["zh"]),
        en=Template.parse(texts["en"]),
        facts=facts,
        ranges=ranges,
        direction=entry.direction,
        compare=entry.compare,
        code=entry.code,
    )


def _feature_name(key: str, name: str) -> str:
    """The feature that a key or placeholder in a sentence of `name` means; without a window, the window of `name`."""
    if key == _VALUE:
        return name
    return key if key in BY_NAME else f"{key}_{BY_NAME[name].window}"


def _bounds(limits: Range | None) -> tuple[float, float]:
    """Finite bounds of a range, so that infinite values are outside of it."""
    given = limits or Range()
    return max(given.at_least, -sys.float_info.max), min(given.at_most, sys.float_info.max)


def _placeholders(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name is not None]


def check(reasons: ReasonsFile, file: Path) -> None:
    """Check the file against the catalogue.

    Raises:
        PolicyError: They do not match; names the key.
    """
    _check_codes(reasons, file)
    windows = {feature.window for feature in FEATURES} - {"now"}
    if not windows <= set(reasons.windows):
        missing = sorted(windows - set(reasons.windows))
        raise wrong_key(file, "windows", expected=f"words for {sorted(windows)}", found=f"none for {missing}")
    for language, text in reasons.plain.value.model_dump().items():
        if set(_placeholders(text)) != {"label", "value"}:
            raise wrong_key(file, f"plain.value.{language}", expected="placeholders for label and value", found=text)
    for number, entry in enumerate(reasons.sentences):
        _check_sentence(entry, f"sentences.{number}", reasons, file)
    _check_merit_codes(reasons, file)
    _check_yes_no_features(reasons, file)


def _check_codes(reasons: ReasonsFile, file: Path) -> None:
    if set(reasons.families) != set(FAMILIES):
        raise wrong_key(file, "families", expected=", ".join(FAMILIES), found=", ".join(reasons.families))
    of_features = {(f.name, code) for f in FEATURES for code in (f.reason_code, f.lowers_code) if code}
    of_families = {(f"families.{name}", family.lowers) for name, family in reasons.families.items()}
    of_columns = {("unknown.raises", reasons.unknown.raises), ("unknown.lowers", reasons.unknown.lowers)}
    for key, code in sorted(of_features | of_families | of_columns):
        if code not in reasons.codes:
            raise wrong_key(file, key, expected="a code of the file", found=code)


def _check_sentence(entry: SentenceEntry, key: str, reasons: ReasonsFile, file: Path) -> None:
    named = {"zh": set(_placeholders(entry.zh)), "en": set(_placeholders(entry.en))}
    if named["zh"] != named["en"]:
        raise wrong_key(
            file, f"{key}.en", expected=f"the placeholders of zh, {sorted(named['zh'])}", found=f"{sorted(named['en'])}"
        )
    unknown = set(entry.features) - set(BY_NAME)
    if not unknown:
        used = (named["zh"] | set(entry.when)) - {_WINDOW}
        unknown = {place for place in used for name in entry.features if _feature_name(place, name) not in BY_NAME}
    if unknown:
        raise wrong_key(file, key, expected="features of the catalogue", found=f"{sorted(unknown)}")
    if entry.compare is not None and entry.direction == "lowers":
        raise wrong_key(file, f"{key}.compare", expected="none where it lowers the risk", found=entry.compare)
    for name in entry.features:
        feature = BY_NAME[name]
        if _WINDOW in named["zh"] and feature.window not in reasons.windows:
            raise wrong_key(file, key, expected="no placeholder for a window", found=f"one, and {name} has none")
        if entry.code is not None and (entry.code != feature.lowers_code or entry.direction != "lowers"):
            raise wrong_key(
                file, f"{key}.code", expected=f"{feature.lowers_code} of {name}, direction lowers", found=entry.code
            )


def _check_merit_codes(reasons: ReasonsFile, file: Path) -> None:
    """Every merit code has a sentence that uses it."""
    used = {(name, entry.code) for entry in reasons.sentences for name in entry.features if entry.code is not None}
    for feature in FEATURES:
        if feature.lowers_code is not None and (feature.name, feature.lowers_code) not in used:
            raise wrong_key(
                file, "sentences", expected=f"one of code {feature.lowers_code} for {feature.name}", found="none"
            )


def _check_yes_no_features(reasons: ReasonsFile, file: Path) -> None:
    """A yes/no feature needs a sentence for both values, since its label with a value reads badly."""
    sentences = compile_sentences(reasons)
    for feature in FEATURES:
        own = [s for s in sentences.get(feature.name, ()) if s.direction == "either"]
        if feature.unit == "0/1" and not all(any(s.fits({feature.name: v}) for s in own) for v in (0.0, 1.0)):
            raise wrong_key(file, "sentences", expected=f"yes and no of {feature.name}", found="one of them at most")
