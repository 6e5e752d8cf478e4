"""Contact books: each line's lasting contacts, some of them other lines of the operator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linerisk.records.simulation import areas, numbers
from linerisk.records.simulation.numbers import Floats, Ints
from linerisk.records.simulation.personas import LEGAL
from linerisk.records.simulation.population import Population

_SAME_OPERATOR = 0.14
_FEWER_THAN_MEAN = 0.65


@dataclass(frozen=True, slots=True)
class ContactBook:
    """Contacts of all lines of a chunk in one flat list; line `i` owns `count[i]` entries from `first[i]` on.

    `mate` is the index of the contact's line in this chunk, -1 if it has none.
    """

    first: Ints
    count: Ints
    number: Ints
    mate: Ints

    def pick(self, line: Ints, uniform: Floats) -> Ints:
        """Pick a contact of each line, the first entries far more often; undefined where `count` is 0."""
        favoured = np.floor(self.count[line] * uniform**3.0).astype(np.int64)
        return np.asarray(np.minimum(self.first[line] + favoured, max(len(self.number) - 1, 0)))


def draw_contacts(
    people: Population, rng: np.random.Generator, *, same_operator: float = _SAME_OPERATOR
) -> ContactBook:
    """Draw contacts: a log-normal number, at home or in the hometown, and mutual ties between lines."""
    size = len(people)
    median = np.asarray([persona.contacts for persona in LEGAL] + [0])[people.host]
    sizes = np.round(median * np.exp(rng.normal(0.0, _FEWER_THAN_MEAN, size))).astype(np.int64).clip(0, 400)
    sizes = np.where(median > 0, sizes.clip(1), 0)
    ties = rng.binomial(sizes, same_operator)
    stubs = rng.permutation(np.repeat(np.arange(size), ties))
    half = len(stubs) // 2
    left, right = stubs[:half], stubs[half : 2 * half]
    distinct = left != right
    left, right = left[distinct], right[distinct]
    other = np.repeat(np.arange(size), sizes - ties)
    owner = np.concatenate([left, right, other])
    mate = np.concatenate([right, left, np.full(len(other), -1)])
    number = np.concatenate([people.number[right], people.number[left], _outsiders(people, other, rng)])
    order = np.lexsort((rng.random(len(owner)), owner))
    count = np.bincount(owner, minlength=size)
    return ContactBook(first=np.cumsum(count) - count, count=count, number=number[order], mate=mate[order])


def _outsiders(people: Population, owner: Ints, rng: np.random.Generator) -> Ints:
    """Numbers of contacts with other operators or outside the sample."""
    town = np.asarray([persona.town for persona in LEGAL] + [0.0])[people.host[owner]]
    own = np.clip(town * np.exp(rng.normal(0.0, 0.5, len(people)))[owner], 0.0, 0.97)
    away = rng.random(len(owner)) < own
    from_home = numbers.happens(0.7, len(owner), rng)
    area = np.where(
        away, np.where(from_home, people.hometown[owner], areas.area_at(rng.random(len(owner)))), people.home[owner]
    )
    return np.where(numbers.happens(0.07, len(owner), rng), numbers.fixed(area, rng), numbers.mobiles(area, rng))
