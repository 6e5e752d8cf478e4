"""The words of reasons: `reasons.toml`, read, checked against the catalogue, and said of values.

A feature's sentences stand in the order of the file; the first whose conditions the values bear out is said, else its
plain name with its value. So a sentence can claim "a high share" only where the share is high, whichever way the model
was moved by it.
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
from linerisk.explanation.reason_templates import ComparedByUnit, Family, ReasonsFile, Sentence, check, compiled
from linerisk.explanation.value_text import BY_UNIT, plainly
from linerisk.features.catalogue import BY_NAME
from linerisk.policy.file_model import REASONS_FILE, Words, read_table

Direction = Literal["raises", "lowers"]

_WORDS_KEPT: Final = 64
"""Of each sentence, for values that many lines have."""
_SAY: Final = {name: BY_UNIT[feature.unit] for name, feature in BY_NAME.items()}


class Said(msgspec.Struct, frozen=True):
    """A reason in words.

    Attributes:
        code: Reason code.
        zh: Sentence in Chinese.
        en: Sentence in English.
        facts: Values of the features that the sentence rests on.
    """

    code: str
    zh: str
    en: str
    facts: dict[str, float]


@dataclass(frozen=True)
class Wording:
    """Sentences by feature, ready to be said; `load` checks them.

    Attributes:
        codes: What each reason code is about, true of any value.
        sentences: By feature, in the order in which they are tried.
        plain: What is said of a value when no sentence fits.
        compared: What is said of a value beside that of a typical line, where that makes its raising the risk plain.
        families: By family, with the code for a value that lowers the risk without being a merit of its own.
        unknown: Codes for columns that the catalogue does not know, by direction.
        fingerprint: Of the file and of the version that says it: what one says of a row, another of the same says too.
    """

    codes: dict[str, Words]
    sentences: dict[str, tuple[Sentence, ...]]
    plain: Words
    compared: ComparedByUnit
    families: dict[str, Family]
    unknown: dict[Direction, str]
    fingerprint: str
    _kept: dict[str, Speaker] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path) -> Wording:
        """Read `reasons.toml`.

        Raises:
            PolicyError: It cannot be read, names a feature or code that does not exist, or leaves one without words.
        """
        file = folder / REASONS_FILE
        read = read_table(file, ReasonsFile)
        check(read, file)
        return cls(
            codes=read.codes,
            sentences=compiled(read),
            plain=read.plain.value,
            compared=read.plain.compared,
            families=read.families,
            unknown={"raises": read.unknown.raises, "lowers": read.unknown.lowers},
            fingerprint=hashlib.sha256(__version__.encode() + b"\n" + file.read_bytes()).hexdigest(),
        )

    def say(
        self, column: str, *, direction: Direction, values: Mapping[str, float], typical: float | None = None
    ) -> Said:
        """What a column of a model says about a line.

        Args:
            column: The column that moved its family most.
            direction: Which way.
            values: The line's values by column; NaN where there is none. The column itself has one.
            typical: The column's value on a typical line in normal use.
        """
        positions = {name: position for position, name in enumerate(values)}
        usual = [typical if name == column else None for name in values]
        return Speaker(self, positions, usual).say(positions[column], direction, list(values.values()))

    def speaker(self, positions: Mapping[str, int], typical: Sequence[float | None]) -> Speaker:
        """Its words made ready for the columns of a model; those of the model asked for last are kept."""
        kept = self._kept.get("last")
        if kept is None or kept.positions is not positions or kept.typical is not typical:
            kept = self._kept["last"] = Speaker(self, positions, typical)
        return kept

    def code(self, column: str, *, direction: Direction, values: Mapping[str, float]) -> str:
        """The code that `say` gives; of `values` only those that `codes_rest_on` names matter."""
        return self.code_of(column, direction, self._fitting(column, direction, values))

    def codes_rest_on(self, column: str, *, direction: Direction) -> tuple[str, ...]:
        """Columns whose values decide which code a column gets in a direction; none where it has one code only."""
        own = [s for s in self.sentences.get(column, ()) if s.direction in {direction, "either"}]
        if all(sentence.code is None for sentence in own):
            return ()
        return tuple(dict.fromkeys(name for sentence in own for name, _, _ in sentence.ranges))

    def _fitting(self, column: str, direction: Direction, values: Mapping[str, float]) -> Sentence | None:
        for sentence in self.sentences.get(column, ()):
            if sentence.direction in {direction, "either"} and sentence.fits(values):
                return sentence
        return None

    def code_of(self, column: str, direction: Direction, sentence: Sentence | None) -> str:
        """The code of a sentence of a column; None for a value said plainly."""
        if sentence is not None and sentence.code is not None:
            return sentence.code
        feature = BY_NAME.get(column)
        if feature is None:
            return self.unknown[direction]
        return feature.reason_code if direction == "raises" else self.families[feature.family].lowers


Line = Sequence[float]
"""Values of one line, in the order of a model's columns."""


class Speaker:
    """Wording made ready for lines of one model: what a column says in a direction is put together once.

    Args:
        wording: The words.
        positions: Position of each column among the values of a line.
        typical: Value of each column on a typical line in normal use, in that order.
    """

    def __init__(self, wording: Wording, positions: Mapping[str, int], typical: Sequence[float | None]) -> None:
        self.positions, self.typical = positions, typical
        self._wording, self._names = wording, list(positions)
        self._ready: dict[tuple[int, Direction], Callable[[Line], Said]] = {}

    def say(self, column: int, direction: Direction, values: Line) -> Said:
        """What the column at a position says about a line; see `Wording.say`."""
        said = self._ready.get((column, direction))
        if said is None:
            said = self._ready[column, direction] = self._made(self._names[column], direction)
        return said(values)

    def _made(self, column: str, direction: Direction) -> Callable[[Line], Said]:
        sentences = [
            (
                [(self.positions[name], least, most) for name, least, most in sentence.ranges],
                self._spoken(sentence, column, direction),
            )
            for sentence in self._wording.sentences.get(column, ())
            # One with a fact that no line of the model has can never be said.
            if sentence.direction in {direction, "either"} and self.positions.keys() >= set(sentence.facts)
        ]
        otherwise = self._plainly(column, direction)

        def said(values: Line) -> Said:
            for ranges, spoken in sentences:
                for position, least, most in ranges:
                    if not least <= values[position] <= most:
                        break
                else:
                    return spoken(values)
            return otherwise(values)

        return said

    def _spoken(self, sentence: Sentence, column: str, direction: Direction) -> Callable[[Line], Said]:
        """A sentence of values that bear it out."""
        code = self._wording.code_of(column, direction, sentence)
        facts = [(name, self.positions[name]) for name in sentence.facts]
        named = tuple(dict.fromkeys([column, *sentence.zh.places, *sentence.en.places]))
        positions = [self.positions[name] for name in named]
        words = self._words(sentence, column, direction, named)
        again = lru_cache(maxsize=_WORDS_KEPT)(words)

        def spoken(values: Line) -> Said:
            given = [values[position] for position in positions]
            # 0.0 and -0.0 are the same key, and not said alike.
            zh, en = words(*given) if 0.0 in given else again(*given)
            return Said(code, zh, en, {name: values[position] for name, position in facts})

        return spoken

    def _words(
        self, sentence: Sentence, column: str, direction: Direction, named: tuple[str, ...]
    ) -> Callable[..., tuple[str, str]]:
        """A sentence in both languages, from the values of the column and of the others that it names."""
        say = [_SAY[name] for name in named]
        zh_text, zh_places = sentence.zh.text, [named.index(name) for name in sentence.zh.places]
        en_text, en_places = sentence.en.text, [named.index(name) for name in sentence.en.places]
        side = sentence.compare if direction == "raises" else None
        beside: Words | None = None if side is None else getattr(self._wording.compared.of(BY_NAME[column].unit), side)
        typical = self.typical[self.positions[column]]

        def words(*values: float) -> tuple[str, str]:
            said = [each(value) for each, value in zip(say, values, strict=True)]
            zh = zh_text % tuple([said[place][0] for place in zh_places])
            en = en_text % tuple([said[place][1] for place in en_places])
            if beside is not None and side == _side(column, values[0], typical):
                zh, en = zh + beside.zh, en + beside.en
            return zh, en[:1].upper() + en[1:]

        return words

    def _plainly(self, column: str, direction: Direction) -> Callable[[Line], Said]:
        """A column's name with its value."""
        feature, position, plain = BY_NAME.get(column), self.positions[column], self._wording.plain
        code = self._wording.code_of(column, direction, None)
        zh_label, en_label = column, column
        if feature is not None:
            zh_label, en_label = feature.label_zh, feature.label_en[:1].upper() + feature.label_en[1:]
        say = _SAY.get(column, plainly)

        def said(values: Line) -> Said:
            value = values[position]
            zh, en = say(value)
            zh, en = plain.zh.replace("{value}", zh), plain.en.replace("{value}", en)
            # The label goes in last: it may be any column's name, braces and all.
            return Said(code, zh.replace("{label}", zh_label), en.replace("{label}", en_label), {column: value})

        return said


def _side(column: str, value: float, typical: float | None) -> Literal["above", "below"] | None:
    """Where a value stands beside the typical one; None where both are said alike, or there is none."""
    if typical is None or not math.isfinite(typical) or _SAY[column](typical) == _SAY[column](value):
        return None
    return "above" if value > typical else "below"
