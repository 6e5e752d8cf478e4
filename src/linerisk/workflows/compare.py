"""Compares challenger and champion: metrics, gates, and which lines change tier and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from linerisk.as_of import parse_instant
from linerisk.errors import InputError, RegistryError
from linerisk.evaluation.gates.run import GateResult, Outcome
from linerisk.evaluation.report.render import FLIPS, comparison_page
from linerisk.evaluation.tier_flips import TierFlips, tier_flips
from linerisk.registry import CHALLENGER, COMPARED, UNKNOWN, Registry, Version, answered
from linerisk.settings import Settings
from linerisk.tables.store import RecordStore
from linerisk.training.from_store import slices_from_store
from linerisk.training.splits import plan_splits
from linerisk.workflows.registries import registry_for

TESTED_ALIKE = "Both models on the same test lines, with 95 % intervals."
TESTED_APART = (
    "Each model on its own test slice, with 95 % intervals: the metrics are not of the same lines. Only the gate "
    f"{COMPARED} and the tier flips below use the same lines."
)
_FIRST = ("average_precision", "recall_at_fpr_1e-3", "log_loss_skill", "auc", "precision_at_capacity")


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison of two versions.

    Attributes:
        champion: The champion.
        challenger: The challenger.
        figures: Name, champion's, challenger's; only figures that both have.
        gates: The challenger's gates; G009 compares both on the same lines.
        flips: Tier flips on the challenger's test lines; None if unknown.
        notices: What is missing and how to get it; gates that are out of date.
        page: The page of the comparison.
    """

    @property
    def tested(self) -> str:
        """One sentence: whether both were measured on the same lines."""
        same = self.champion.tested_on == self.challenger.tested_on != UNKNOWN
        return TESTED_ALIKE if same else TESTED_APART

    champion: Version
    challenger: Version
    figures: tuple[tuple[str, float, float], ...]
    gates: tuple[GateResult, ...]
    flips: TierFlips | None
    notices: tuple[str, ...]
    page: Path

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable result, without examples of lines, because it may end in a log."""
        return {
            "champion": self.champion.version,
            "challenger": self.challenger.version,
            "tested": self.tested,
            "figures": {name: {"champion": old, "challenger": new} for name, old, new in self.figures},
            "gates": [asdict(gate) for gate in self.gates],
            "tier_flips": None if self.flips is None else self.flips.as_dict(examples=False),
            "notices": list(self.notices),
            "report": str(self.page),
        }


def compare_versions(settings: Settings, name: str = "linerisk", *, store: Path | None = None) -> Compared:
    """Compare challenger and champion, and write the page.

    Tier flips come from the challenger's training, if it was trained against this champion. Else they need the record
    store that it was trained on, to place its test lines again.

    Args:
        settings: Where state lives.
        name: Name of the registered model.
        store: The record store that the challenger was trained on; None uses what its training kept.

    Raises:
        RegistryError: One of them does not exist, or both are one version.
        InputError: The store is not the one that the challenger was trained on.
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
    if store is None:
        flips = _kept(registry, champion, challenger)
    else:
        flips = _anew(registry, champion, challenger, store, time_zone=settings.time_zone)
    notices = () if flips is not None else (_unknown(champion, challenger, requested=store is not None),)
    if challenger.against != champion.version:
        notices = (_outdated(champion, challenger), *notices)
    old, new = champion.figures, challenger.figures
    figures = tuple((name, old[name], new[name]) for name in sorted(old.keys() & new.keys()))
    gates = tuple(
        GateResult(**{**gate, "outcome": Outcome(gate["outcome"])})
        for gate in json.loads(registry.attachment(challenger.version, "gates.json"))
    )
    page = settings.reports / f"{registry.name}-{challenger.version}-against-{champion.version}.html"
    compared = Compared(champion, challenger, figures, gates, flips, notices, page)
    html = comparison_page(
        title=f"{registry.name}: challenger {challenger.version} against champion {champion.version}",
        notices=notices,
        tested=compared.tested,
        figures=comparison_rows(figures),
        gates=gates,
        flips=flips,
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    return compared


def _outdated(champion: Version, challenger: Version) -> str:
    """The notice that gates compared with another champion."""
    return (
        f"The gates of version {challenger.version} were answered {answered(challenger.against)}, not against version "
        f"{champion.version}, which is champion now: {COMPARED} did not compare with it, and that blocks a "
        f"promotion. Train it again by its command (on its card: Reproduce), or override {COMPARED} by "
        "name."
    )


def _unknown(champion: Version, challenger: Version, *, requested: bool) -> str:
    """The notice that tier flips are unknown, with the reason and what to do."""
    if requested:
        return "It is not known who changes tier: one of the two models cannot read the other's rows."
    return (
        f"It is not known who changes tier: when version {challenger.version} was trained, version {champion.version} "
        "was not champion, or could not read the same rows. Give --store, the record store that it was trained on, "
        "and its test lines are placed with both; where it was trained on a table, train it again."
    )


def comparison_rows(figures: tuple[tuple[str, float, float], ...]) -> list[list[str]]:
    """Rows of a comparison for people: metrics with intervals first, then plain ones.

    Of metrics about parts of the model only those of tiers; MLflow's pages have the rest.
    """
    known = {name: (old, new) for name, old, new in figures if "/" not in name or name.startswith("tiers/")}

    def text(name: str, side: int) -> str:
        low, high = known.get(f"{name}_low"), known.get(f"{name}_high")
        value = f"{known[name][side]:.3f}"
        return f"{value} [{low[side]:.3f} – {high[side]:.3f}]" if low and high else f"{known[name][side]:.4g}"

    plain = [name for name in known if not name.endswith(("_low", "_high"))]
    ordered = sorted(plain, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    return [[name.replace("_", " ").replace("/", ": "), text(name, 0), text(name, 1)] for name in ordered]


def _kept(registry: Registry, champion: Version, challenger: Version) -> TierFlips | None:
    """The tier flips of the challenger's training, if it compared with this champion."""
    stored = json.loads(registry.attachment(challenger.version, FLIPS))
    flips = None if stored is None else TierFlips.from_dict(stored)
    return flips if flips is not None and flips.champion == champion.version else None


def _anew(
    registry: Registry, champion: Version, challenger: Version, path: Path, *, time_zone: str
) -> TierFlips | None:
    """Score the challenger's test lines with both models, from the store that it was trained on."""
    new, store = registry.load(challenger.version), RecordStore.open(path)
    if new.facts.get("data") != store.fingerprint or new.facts.get("as_of") is None:
        raise InputError(
            f"version {challenger.version} was not trained on this store as it is now",
            expected=f"a store with the fingerprint {new.facts.get('data')}",
            found=store.fingerprint,
            todo="give the store that it was trained on, or train again",
            field="--store",
        )
    plan = plan_splits(first_day=store.days[0], as_of=parse_instant(new.facts["as_of"]))
    # Only the test instant is needed; which lines are tested does not depend on it.
    only_test = replace(plan, train_at=(plan.test_at,), calibration_at=plan.test_at)
    test = slices_from_store(store, only_test, time_zone=time_zone).test
    return tier_flips(registry.load(champion.version), new, test)
