"""Put the challenger beside the champion: figures of both, and what the gates said of the challenger."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from linerisk.errors import RegistryError
from linerisk.evaluation.gates import GateResult, Outcome
from linerisk.registry import CHALLENGER, Version
from linerisk.settings import Settings
from linerisk.workflows.train import registry_for


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions side by side.

    Attributes:
        champion: What is live.
        challenger: What might replace it.
        figures: Name, champion's, challenger's; only figures that both have.
        gates: The challenger's gates; G009 compares both on the same lines.
    """

    champion: Version
    challenger: Version
    figures: tuple[tuple[str, float, float], ...]
    gates: tuple[GateResult, ...]

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable result."""
        return {
            "champion": self.champion.version,
            "challenger": self.challenger.version,
            "figures": {name: {"champion": old, "challenger": new} for name, old, new in self.figures},
            "gates": [asdict(gate) for gate in self.gates],
        }


def compare_versions(settings: Settings, name: str = "linerisk") -> Compared:
    """Compare challenger and champion.

    Args:
        settings: Where state lives.
        name: Name of the registered model.

    Raises:
        RegistryError: One of them does not exist, or both are one version.
    """
    registry = registry_for(settings, name)
    champion, challenger = registry.champion(), registry.alias(CHALLENGER)
    if challenger is None or challenger.version == champion.version:
        raise RegistryError(
            "there is nothing to compare",
            expected="a challenger that is not champion",
            found=f"only version {champion.version}",
            todo="train a new version",
        )
    old, new = champion.figures, challenger.figures
    gates = json.loads(registry.attachment(challenger.version, "gates.json"))
    return Compared(
        champion=champion,
        challenger=challenger,
        figures=tuple((name, old[name], new[name]) for name in sorted(old.keys() & new.keys())),
        gates=tuple(GateResult(**{**gate, "outcome": Outcome(gate["outcome"])}) for gate in gates),
    )
