"""Train: slices, trees, calibration, tiers, evaluation, gates, report, registry. One walk for stores and for tables."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from linerisk.as_of import iso
from linerisk.evaluation.cross_validation import CrossValidated
from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates import GateResult, Outcome, passed, run_gates
from linerisk.evaluation.logged import grouped_figures
from linerisk.evaluation.report import CARD, make_report
from linerisk.evaluation.reported import Reported
from linerisk.evaluation.subgroups import Groups, account_groups
from linerisk.live import WHEN_EXPIRED
from linerisk.model.risk_model import RiskModel
from linerisk.policy import load_limits, load_promise
from linerisk.registry import Registry, Version
from linerisk.settings import Settings
from linerisk.tables.store import RecordStore
from linerisk.training.examples import Slices
from linerisk.training.fit import Recipe, fit_model
from linerisk.training.from_store import slices_from_store
from linerisk.training.from_table import read_table, slices_from_table
from linerisk.training.splits import plan_splits
from linerisk.workflows.cross_validate import cross_validate_table, said
from linerisk.workflows.describing import describe
from linerisk.workflows.measuring import measure
from linerisk.workflows.provenance import commit, lock_hash

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Trained:
    """What came of a training run.

    Attributes:
        version: The registered challenger.
        model: The model.
        evaluation: What was measured.
        gates: What the gates answered.
        report: The report page.
        notices: What to know before believing a figure.
        cross_validation: By name (`all columns`, `without shortcut columns`); only for tables.
    """

    version: Version
    model: RiskModel
    evaluation: Evaluation
    gates: tuple[GateResult, ...]
    report: Path
    notices: tuple[str, ...]
    cross_validation: Mapping[str, CrossValidated]

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable result."""
        return {
            "name": self.version.name,
            "version": self.version.version,
            "fingerprint": self.model.fingerprint,
            "gates": "passed" if passed(self.gates) else "failed",
            "gate_results": [asdict(gate) for gate in self.gates],
            "figures": self.evaluation.figures(),
            "tiers": [asdict(row) for row in self.evaluation.tiers],
            "cross_validation": {name: asdict(value) for name, value in self.cross_validation.items()},
            "notices": list(self.notices),
            "report": str(self.report),
        }


def registry_for(settings: Settings, name: str = "linerisk") -> Registry:
    """The registry of a model under these settings."""
    local = settings.home / "mlflow-artefacts" if settings.tracking_uri is None else None
    settings.home.mkdir(parents=True, exist_ok=True)
    return Registry(settings.mlflow_uri, artefacts=local, name=name)


def train_store(
    settings: Settings,
    store_path: Path,
    *,
    as_of: datetime,
    trained_by: str,
    recipe: Recipe | None = None,
    notices: Sequence[str] = (),
    on_progress: Progress | None = None,
) -> Trained:
    """Train on a record store, as of an instant.

    Args:
        settings: Where state lives.
        store_path: Record store.
        as_of: When we train: records and labels known later do not exist.
        trained_by: Who does it; somebody else must promote.
        recipe: How trees are grown.
        notices: What a reader must know of these records before believing a figure.
        on_progress: Called with (step, done, total).
    """
    store = RecordStore.open(store_path)
    plan = plan_splits(first_day=store.days[0], as_of=as_of)
    tell = on_progress or _silent
    slices = slices_from_store(
        store, plan, time_zone=settings.time_zone, on_progress=lambda d, t: tell("features", d, t)
    )
    return _train(
        settings,
        slices,
        name="linerisk",
        recipe=recipe or Recipe(),
        trained_by=trained_by,
        data=store.fingerprint,
        as_of=iso(as_of),
        notices=notices,
        again=["linerisk", "train", "--store", str(store_path), "--as-of", iso(as_of), *_seed(recipe)],
        cross_validation={},
        groups=account_groups(store.accounts(), slices.test.line_key, as_of=plan.test_at),
        tell=tell,
    )


def train_table(
    settings: Settings,
    path: Path,
    *,
    label: str,
    id_column: str | None,
    trained_by: str,
    name: str | None = None,
    recipe: Recipe | None = None,
    on_progress: Progress | None = None,
) -> Trained:
    """Train on a feature table that somebody brings, under a model name of its own.

    Args:
        settings: Where state lives.
        path: Parquet or CSV, one row per line.
        label: Column that says fraud or not.
        id_column: Column that names the row.
        trained_by: Who does it.
        name: Name of the registered model; default the file's.
        recipe: How trees are grown.
        on_progress: Called with (step, done, total).
    """
    tell = on_progress or _silent
    table = read_table(path, label=label, id_column=id_column)
    chosen = recipe or Recipe()
    cross, notices = cross_validate_table(table, chosen, tell)
    again = ["linerisk", "train", "--table", str(path), "--label", label]
    again += (["--id", id_column] if id_column else []) + (["--name", name] if name else []) + _seed(recipe)
    return _train(
        settings,
        slices_from_table(table, seed=chosen.seed),
        name=name or path.stem,
        recipe=chosen,
        trained_by=trained_by,
        data=table.fingerprint,
        as_of=None,
        notices=(*table.notices, *notices),
        again=again,
        cross_validation=cross,
        groups=None,
        tell=tell,
    )


def _train(
    settings: Settings,
    slices: Slices,
    *,
    name: str,
    recipe: Recipe,
    trained_by: str,
    data: str,
    as_of: str | None,
    notices: Sequence[str],
    again: Sequence[str],
    cross_validation: Mapping[str, CrossValidated],
    groups: Groups | None,
    tell: Progress,
) -> Trained:
    limits = load_limits(settings.policies)
    registry = registry_for(settings, name)
    promise = load_promise(settings.policies)
    model = fit_model(slices, name=name, recipe=recipe, promise=promise, on_progress=lambda d, t: tell("trees", d, t))
    tell("evaluation", 0, 1)
    evaluation = measure(settings, model, slices, recipe=recipe, limits=limits, registry=registry, groups=groups)
    gates = run_gates(evaluation)
    tell("evaluation", 1, 1)
    # Nothing that differs between two runs of the same data and seed may enter the artefact.
    facts: dict[str, Any] = {"data": data, "as_of": as_of, "split": slices.how, "recipe": recipe.describe()}
    facts |= {"valid_days": limits.model_valid_days, "when_expired": WHEN_EXPIRED}
    facts["impact_assessment"] = None if evaluation.assessment is None else asdict(evaluation.assessment)
    model = replace(model, facts={**facts, "figures": evaluation.figures(), "notices": list(notices)})
    crossed = {
        f"cross_validation/cv_{figure}_{'all' if key == 'all columns' else 'without_shortcuts'}": getattr(value, figure)
        for key, value in cross_validation.items()
        for figure in ("auc", "macro_f1")
    }
    with tempfile.TemporaryDirectory() as scratch:
        artefact, attachments = Path(scratch, "model"), Path(scratch, "attachments")
        fingerprint = model.save(artefact)
        commit_id, lock = commit(), lock_hash()
        reported = Reported(
            title=f"{name}, model {fingerprint[:12]}",
            facts={
                "model": fingerprint,
                "data fingerprint": data,
                "as of": as_of or "no time in the table",
                "commit": commit_id,
                "lock": lock,
                "recipe": json.dumps(recipe.describe()),
                "trained by": trained_by,
                **{f"5-fold, {key}": said(value) for key, value in cross_validation.items()},
            },
            notices=notices,
            again=shlex.join(again),
            valid_days=limits.model_valid_days,
        )
        told = make_report(
            model,
            slices,
            evaluation=evaluation,
            gates=gates,
            reported=reported,
            champion=_compared_with(registry, evaluation),
        )
        told.write(attachments)
        tell("registry", 0, 1)
        version = registry.register(
            artefact,
            attachments=attachments,
            params={**recipe.describe(), "features": len(model.columns), "split": slices.how[:500]},
            figures={**grouped_figures(evaluation), **crossed},
            tags={"data": data, "commit": commit_id, "lock": lock, "seed": str(recipe.seed), "model": fingerprint},
            trained_by=trained_by,
            gates="passed" if passed(gates) else "failed",
            failed=[gate.code for gate in gates if gate.outcome is Outcome.FAILED],
            described=describe(
                name,
                evaluation,
                gates,
                limits=limits,
                as_of=as_of,
                seed=recipe.seed,
                notices=notices,
                again=shlex.join(again),
            ),
        )
        # The registry numbers it only now; the pages for people have the number that the commands take.
        told = replace(told, reported=replace(reported, title=f"{name}, version {version.version}"))
        report = settings.reports / f"{name}-{version.version}.html"
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(told.page(), encoding="utf-8")
        report.with_name(f"{name}-{version.version}.{CARD}").write_text(told.card_text(), encoding="utf-8")
        tell("registry", 1, 1)
    model = replace(model, version=version.version, fingerprint=fingerprint)
    return Trained(version, model, evaluation, gates, report, tuple(notices), dict(cross_validation))


def _seed(recipe: Recipe | None) -> list[str]:
    """The option that gives this seed, if it is not the one without the option."""
    return [] if recipe is None or recipe.seed == Recipe().seed else ["--seed", str(recipe.seed)]


def _compared_with(registry: Registry, evaluation: Evaluation) -> RiskModel | None:
    """The champion that the evaluation compared with, if it did."""
    return None if evaluation.comparison is None else registry.load(evaluation.comparison.champion)


def _silent(_step: str, _done: int, _total: int) -> None:
    """Progress for nobody."""
