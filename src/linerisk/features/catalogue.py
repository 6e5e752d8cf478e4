"""The catalogue: every feature once, in the order of the model's columns.

To add a feature: an entry in its family's `FEATURES`, an expression in one of its stages, a spec in `tests/spec`.
If one is missing, a test names it.
"""

from __future__ import annotations

import dataframely as dy

from linerisk.features import (
    activity,
    baseline,
    communities,
    contacts,
    daily,
    devices,
    network,
    parties,
    places,
    rhythm,
    segments,
    tenure,
)
from linerisk.features.stages import NEVER_MISSING, Feature, Link, Stage

FEATURES: tuple[Feature, ...] = (
    *activity.FEATURES,
    *parties.FEATURES,
    *contacts.FEATURES,
    *rhythm.FEATURES,
    *baseline.FEATURES,
    *places.FEATURES,
    *devices.FEATURES,
    *tenure.FEATURES,
    *network.FEATURES,
    *communities.FEATURES,
    *segments.FEATURES,
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)

WITH_REFERENCE: tuple[str, ...] = tuple(f.name for f in (*communities.FEATURES, *segments.FEATURES))
"""Features that other lines move; see `reference`."""
ALONE: tuple[str, ...] = tuple(name for name in FEATURE_NAMES if name not in WITH_REFERENCE)

BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}

ZERO_IF_NOTHING_SEEN: tuple[str, ...] = tuple(f.name for f in FEATURES if f.null_means == NEVER_MISSING)

STAGES: tuple[Stage, ...] = (
    *daily.STAGES,
    *activity.STAGES,
    *parties.STAGES,
    *contacts.STAGES,
    *rhythm.STAGES,
    *places.STAGES,
    *devices.STAGES,
    *network.STAGES,
)

LINKS: tuple[Link, ...] = (*devices.LINKS, *network.LINKS)


class Features(dy.Schema):
    """The feature table: `line_key` and every feature of the catalogue, in its order. Grain: one row per line.

    Null means what the feature's `null_means` says.
    """

    line_key = dy.Int64(primary_key=True)
    # The columns come from the catalogue, so that there is no second list to maintain.
    locals().update({name: dy.Float32(nullable=name not in ZERO_IF_NOTHING_SEEN) for name in FEATURE_NAMES})
