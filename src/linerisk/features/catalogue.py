"""The catalogue: every feature once, in the order of the model's columns.

To add a feature: an entry in its family's `FEATURES`, an expression in one of its stages, a spec in `tests/spec`.
Forget one and a test says which.
"""

from __future__ import annotations

from linerisk.features import activity, contacts, devices, network, places, rhythm, tenure
from linerisk.features.stages import Feature, Stage

FEATURES: tuple[Feature, ...] = (
    *activity.FEATURES,
    *contacts.FEATURES,
    *rhythm.FEATURES,
    *places.FEATURES,
    *devices.FEATURES,
    *tenure.FEATURES,
    *network.FEATURES,
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)

BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}

STAGES: tuple[Stage, ...] = (
    *activity.STAGES,
    *contacts.STAGES,
    *rhythm.STAGES,
    *places.STAGES,
    *devices.STAGES,
    *network.STAGES,
)
