"""Reason texts: loads `reasons.toml`, and renders a sentence for the values of a line.

The sentences of a feature are tried in the order of the file. The first whose conditions the values meet is used, else
the feature's label with its value. So a sentence says "a high share" only if the share is high, in either direction.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import msgspec

from linerisk import __version__
from linerisk.explanation.reason_templates import (
    ComparisonByUnit,
    Family,
    ReasonsFile,
    Sentence,
    check,
    compile_sentences,
)
from linerisk.explanation.value_text import BY_UNIT, format_number
from linerisk.features.catalogue import BY_NAME
from linerisk.policy.file_model import REASONS_FILE, Words, read_table

Direction = Literal["raises", "lowers"]

_CACHED_TEXTS: Final = 64
"""Cached texts per sentence, for values that many lines share."""
_FORMATS: Final = {name: BY_UNIT[feature.unit] for name, feature in BY_NAME.items()}


class ReasonText(msgspec.Struct, frozen=True):
    """The text of a reason.

    Attributes:
        code: Reason code.
        zh: Sentence in Chinese.
        en: Sentence in English.
        facts: Values of the features that the sentence depends on.
    """

    code: str
    zh: str
    en: str
    facts: dict[str, float]


@dataclass(frozen=True)
class Wording:
    """Checked texts of all reasons, from `reasons.toml`.

    Attributes:
        codes: What each reason code is about, true of any value.
        sentences: By feature, in the order in which they are tried.
        plain: Text for a value that no sentence fits.
        compared: Comparisons with a typical line, which show why a value raises the risk.
        families: By family, with the code for a value that lowers the risk without being a merit of its own.
        unknown: Codes for columns outside the catalogue, by direction.
        fingerprint: SHA-256 of the package version and the file; equal fingerprints give equal texts.
    """

    codes: dict[str, Words]
    sentences: dict[str, tuple[Sentence, ...]]
    plain: Words
    compared: ComparisonByUnit
    families: dict[str, Family]
    unknown: dict[Direction, str]
    fingerprint: str
    _last_renderer: dict[str, ReasonRenderer] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path) -> Wording:
        """Read `reasons.toml`.

        Raises:
            PolicyError: It cannot be read, names an unknown feature or code, or lacks texts.
        """
        file = folder / REASONS_FILE
        reasons = read_table(file, ReasonsFile)
        check(reasons, file)
        return cls(
            codes=reasons.codes,
            sentences=compile_sentences(reasons),
            plain=reasons.plain.value,
            compared=reasons.plain.compared,
            families=reasons.families,
            unknown={"raises": reasons.unknown.raises, "lowers": reasons.unknown.lowers},
            fingerprint=hashlib.sha256(__version__.encode() + b"\n" + file.read_bytes()).hexdigest(),
        )

    def describe(
        self, column: str, *, direction: Direction, values: Mapping[str, float], typical: float | None = None
    ) -> ReasonText:
        """Describe the value of a column on one line.

        Args:
            column: The column that moved its family most; it has a value.
            direction: The direction in which it moved the risk.
            values: The line's values by column; NaN if missing.
            typical: The column's value on a typical line in normal use.
        """
        positions = {name: position for position, name in enumerate(values)}
        usual = [typical if name == column else None for name in values]
        return ReasonRenderer(self, positions, usual).render(positions[column], direction, list(values.values()))

    def renderer(self, positions: Mapping[str, int], typical: Sequence[float | None]) -> ReasonRenderer:
        """A renderer for the columns of a model; the last one is cached."""
        last = self._last_renderer.get("last")
        if last is None or last.positions is not positions or last.typical is not typical:
            last = self._last_renderer["last"] = ReasonRenderer(self, positions, typical)
        return last

    def code(self, column: str, *, direction: Direction, values: Mapping[str, float]) -> str:
        """The code that `describe` gives; it depends only on the values of `columns_deciding_code`."""
        return self.code_for(column, direction, self._matching_sentence(column, direction, values))

    def columns_deciding_code(self, column: str, *, direction: Direction) -> tuple[str, ...]:
        """Columns whose values decide the code of a column in a direction; none if only one code is possible."""
        own = [s for s in self.sentences.get(column, ()) if s.direction in {direction, "either"}]
        if all(sentence.code is None for sentence in own):
            return ()
        return tuple(dict.fromkeys(name for sentence in own for name, _, _ in sentence.ranges))

    def _matching_sentence(self, column: str, direction: Direction, values: Mapping[str, float]) -> Sentence | None:
        for sentence in self.sentences.get(column, ()):
            if sentence.direction in {direction, "either"} and sentence.fits(values):
                return sentence
        return None

    def code_for(self, column: str, direction: Direction, sentence: Sentence | None) -> str:
        """The code for a column and its matching sentence; None for the plain text."""
        if sentence is not None and sentence.code is not None:
            return sentence.code
        feature = BY_NAME.get(column)
        if feature is None:
            return self.unknown[direction]
        return feature.reason_code if direction == "raises" else self.families[feature.family].lowers


Line = Sequence[float]
"""Values of one line, in the order of a model's columns."""


class ReasonRenderer:
    """Renders reason texts for the lines of one model; compiles each column and direction once.

    Args:
        wording: The texts.
        positions: Position of each column among the values of a line.
        typical: Value of each column on a typical line in normal use, in that order.
    """

    def __init__(self, wording: Wording, positions: Mapping[str, int], typical: Sequence[float | None]) -> None:
        self.positions, self.typical = positions, typical
        self._wording, self._names = wording, list(positions)
        self._compiled: dict[tuple[int, Direction], Callable[[Line], ReasonText]] = {}

    def render(self, column: int, direction: Direction, values: Line) -> ReasonText:
        """Describe the value of the column at a position; see `Wording.describe`."""
        compiled = self._compiled.get((column, direction))
        if compiled is None:
            compiled = self._compiled[column, direction] = self._compile(self._names[column], direction)
        return compiled(values)

    def _compile(self, column: str, direction: Direction) -> Callable[[Line], ReasonText]:
        sentences = [
            (
                [(self.positions[name], least, most) for name, least, most in sentence.ranges],
                self._compile_sentence(sentence, column, direction),
            )
            for sentence in self._wording.sentences.get(column, ())
            # A sentence with a fact that the model lacks never fits.
            if sentence.direction in {direction, "either"} and self.positions.keys() >= set(sentence.facts)
        ]
        plain = self._compile_plain(column, direction)

        def render(values: Line) -> ReasonText:
            for ranges, sentence in sentences:
                for position, least, most in ranges:
                    if not least <= values[position] <= most:
                        break
                else:
                    return sentence(values)
            return plain(values)

        return render

    def _compile_sentence(self, sentence: Sentence, column: str, direction: Direction) -> Callable[[Line], ReasonText]:
        """Compile a sentence; it is rendered only for values that it is true of."""
        code = self._wording.code_for(column, direction, sentence)
        facts = [(name, self.positions[name]) for name in sentence.facts]
        named = tuple(dict.fromkeys([column, *sentence.zh.placeholders, *sentence.en.placeholders]))
        positions = [self.positions[name] for name in named]
        text = self._sentence_text(sentence, column, direction, named)
        cached_text = lru_cache(maxsize=_CACHED_TEXTS)(text)

        def render(values: Line) -> ReasonText:
            given = [values[position] for position in positions]
            # 0.0 and -0.0 are the same cache key, but have different texts.
            zh, en = text(*given) if 0.0 in given else cached_text(*given)
            return ReasonText(code, zh, en, {name: values[position] for name, position in facts})

        return render

    def _sentence_text(
        self, sentence: Sentence, column: str, direction: Direction, named: tuple[str, ...]
    ) -> Callable[..., tuple[str, str]]:
        """A function from the values of the column and of the other named features to the text in both languages."""
        formats = [_FORMATS[name] for name in named]
        zh_text, zh_order = sentence.zh.text, [named.index(name) for name in sentence.zh.placeholders]
        en_text, en_order = sentence.en.text, [named.index(name) for name in sentence.en.placeholders]
        side = sentence.compare if direction == "raises" else None
        comparison: Words | None = (
            None if side is None else getattr(self._wording.compared.of(BY_NAME[column].unit), side)
        )
        typical = self.typical[self.positions[column]]

        def text(*values: float) -> tuple[str, str]:
            formatted = [each(value) for each, value in zip(formats, values, strict=True)]
            zh = zh_text % tuple([formatted[at][0] for at in zh_order])
            en = en_text % tuple([formatted[at][1] for at in en_order])
            if comparison is not None and side == _side_of_typical(column, values[0], typical):
                zh, en = zh + comparison.zh, en + comparison.en
            return zh, en[:1].upper() + en[1:]

        return text

    def _compile_plain(self, column: str, direction: Direction) -> Callable[[Line], ReasonText]:
        """Compile the plain text of a column: its label with its value."""
        feature, position, plain = BY_NAME.get(column), self.positions[column], self._wording.plain
        code = self._wording.code_for(column, direction, None)
        zh_label, en_label = column, column
        if feature is not None:
            zh_label, en_label = feature.label_zh, feature.label_en[:1].upper() + feature.label_en[1:]
        format_value = _FORMATS.get(column, format_number)

        def render(values: Line) -> ReasonText:
            value = values[position]
            zh, en = format_value(value)
            zh, en = plain.zh.replace("{value}", zh), plain.en.replace("{value}", en)
            # The label is inserted last, because a column name may contain braces.
            return ReasonText(code, zh.replace("{label}", zh_label), en.replace("{label}", en_label), {column: value})

        return render


def _side_of_typical(column: str, value: float, typical: float | None) -> Literal["above", "below"] | None:
    """Side of the typical value that a value is on; None if both have the same text, or there is no typical value."""
    if typical is None or not math.isfinite(typical) or _FORMATS[column](typical) == _FORMATS[column](value):
        return None
    return "above" if value > typical else "below"
