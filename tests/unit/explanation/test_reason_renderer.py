"""Compiled and cached reason texts equal the texts of a single description."""

import itertools
import math
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from linerisk.explanation import Wording
from linerisk.explanation.reason_text import Direction
from linerisk.features.catalogue import FEATURE_NAMES

WORDING = Wording.load(Path(__file__).parents[3] / "policies")
POSITIONS = {name: position for position, name in enumerate(FEATURE_NAMES)}
TYPICAL = [None if position % 5 == 0 else 0.3 * position for position in range(len(FEATURE_NAMES))]
DIRECTIONS: tuple[Direction, ...] = ("raises", "lowers")
VALUES = st.sampled_from([0.0, -0.0, 0.004, 0.2, 0.5, 0.997, 1.0, 2.0, 14.0, 60.0, 400.0, 5475.0, math.nan])


@settings(max_examples=20)
@given(st.lists(st.lists(VALUES, min_size=len(FEATURE_NAMES), max_size=len(FEATURE_NAMES)), min_size=1, max_size=3))
def test_compiled_sentences_give_the_same_text_for_every_line(lines: list[list[float]]) -> None:
    renderer = WORDING.renderer(POSITIONS, TYPICAL)
    for line, (name, position), direction in itertools.product(lines, POSITIONS.items(), DIRECTIONS):
        if math.isnan(line[position]):
            continue
        once = WORDING.describe(
            name,
            direction=direction,
            values=dict(zip(FEATURE_NAMES, line, strict=True)),
            typical=TYPICAL[position],
        )
        assert repr(renderer.render(position, direction, line)) == repr(once)


def test_zero_and_negative_zero_are_not_confused_by_the_cache() -> None:
    renderer = WORDING.renderer(POSITIONS, TYPICAL)
    different = 0
    for position in POSITIONS.values():
        texts = []
        for value in (0.0, -0.0, 0.0):
            line = np.full(len(FEATURE_NAMES), np.nan).tolist()
            line[position] = value
            texts.append(renderer.render(position, "raises", line).zh)
        assert texts[0] == texts[2]
        different += texts[0] != texts[1]
    assert different > 0


def test_a_model_with_other_columns_gets_its_own_renderer() -> None:
    fewer = {name: position for position, name in enumerate(reversed(FEATURE_NAMES[:20]))}
    line = [float(position) for position in range(20)]
    for positions in (POSITIONS, fewer, POSITIONS):
        renderer = WORDING.renderer(positions, TYPICAL)
        assert renderer.positions is positions
    reason = WORDING.renderer(fewer, [None] * 20).render(0, "raises", line)
    assert reason.facts == {FEATURE_NAMES[19]: 0.0}
