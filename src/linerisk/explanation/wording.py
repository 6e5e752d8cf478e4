"""The words of reasons: `reasons.toml`, read, checked against the catalogue, and said of values.

A feature's sentences stand in the order of the file; the first whose conditions the values bear out is said, else its
plain name with its value. So a sentence can claim "a high share" only where the share is high, whichever way the model
was moved by it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from linerisk import __version__
from linerisk.explanation.sentences import ComparedByUnit, Family, ReasonsFile, Sentence, check, compiled
from linerisk.explanation.values import BY_UNIT, plainly
from linerisk.features.catalogue import BY_NAME
from linerisk.policy.shapes import REASONS_FILE, Words, read_table

Direction = Literal["raises", "lowers"]

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
        feature = BY_NAME.get(column)
        if feature is None:
            return self._say_plainly(column, self._code(column, direction, None), (column, column), values[column])
        sentence = self._fitting(column, direction, values)
        code = self._code(column, direction, sentence)
        if sentence is None:
            label = (feature.label_zh, feature.label_en[:1].upper() + feature.label_en[1:])
            return self._say_plainly(column, code, label, values[column])
        facts = {name: values[name] for name in sentence.facts}
        spoken = {name: _SAY[name](value) for name, value in facts.items()}
        zh = sentence.zh.text % tuple([spoken[name][0] for name in sentence.zh.places])
        en = sentence.en.text % tuple([spoken[name][1] for name in sentence.en.places])
        side = sentence.compare
        if direction == "raises" and side is not None and side == _side(column, values[column], typical):
            beside = getattr(self.compared.of(feature.unit), side)
            zh, en = zh + beside.zh, en + beside.en
        return Said(code, zh, en[:1].upper() + en[1:], facts)

    def code(self, column: str, *, direction: Direction, values: Mapping[str, float]) -> str:
        """The code that `say` gives; of `values` only those that `codes_rest_on` names matter."""
        return self._code(column, direction, self._fitting(column, direction, values))

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

    def _code(self, column: str, direction: Direction, sentence: Sentence | None) -> str:
        if sentence is not None and sentence.code is not None:
            return sentence.code
        feature = BY_NAME.get(column)
        if feature is None:
            return self.unknown[direction]
        return feature.reason_code if direction == "raises" else self.families[feature.family].lowers

    def _say_plainly(self, column: str, code: str, label: tuple[str, str], value: float) -> Said:
        spoken = _SAY.get(column, plainly)(value)
        zh, en = self.plain.zh.replace("{value}", spoken[0]), self.plain.en.replace("{value}", spoken[1])
        # The label goes in last: it may be any column's name, braces and all.
        return Said(code, zh.replace("{label}", label[0]), en.replace("{label}", label[1]), {column: value})


def _side(column: str, value: float, typical: float | None) -> Literal["above", "below"] | None:
    """Where a value stands beside the typical one; None where both are said alike, or there is none."""
    if typical is None or not math.isfinite(typical) or _SAY[column](typical) == _SAY[column](value):
        return None
    return "above" if value > typical else "below"
