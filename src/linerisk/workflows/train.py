"""Train: slices, trees, calibration, tiers, evaluation, gates, report, registry. For stores and tables."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from linerisk.as_of import iso
from linerisk.evaluation.cross_validation import CrossValidated
from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import Outcome, passed, run_gates
from linerisk.evaluation.metric_names import grouped_figures
from linerisk.evaluation.report.facts import ReportFacts
from linerisk.evaluation.report.render import CARD, make_report
from linerisk.evaluation.subgroups import Groups, account_groups
from linerisk.live import WHEN_EXPIRED
from linerisk.model.risk_model import RiskModel
from linerisk.policy import load_limits, load_promise
from linerisk.registry import CHAMPION, SERVED, Registry
from linerisk.settings import Settings
from linerisk.tables.store import RecordStore
from linerisk.training.examples import Examples, Slices
from linerisk.training.fit import Recipe
from linerisk.training.from_store import slices_from_store
from linerisk.training.from_table import read_table, slices_from_table
from linerisk.training.splits import plan_splits
from linerisk.workflows.as_of_checks import check_as_of
from linerisk.workflows.challenger import bring_challenger
from linerisk.workflows.cross_validate import cross_validate_table, summary
from linerisk.workflows.cross_validate import figures as cross_validated_figures
from linerisk.workflows.fit import NOTHING_MORE, FitOptions, fit, log_search
from linerisk.workflows.measure import measure
from linerisk.workflows.mlflow_description import describe, run_name
from linerisk.workflows.provenance import commit, lines_of, lock_hash
from linerisk.workflows.recipes import again_with
from linerisk.workflows.registries import registry_for
from linerisk.workflows.rolling import roll
from linerisk.workflows.training_result import Trained, measured

Progress = Callable[[str, int, int], None]


def train_store(
    settings: Settings,
    store_path: Path,
    *,
    as_of: datetime,
    trained_by: str,
    recipe: Recipe | None = None,
    seed: int | None = None,
    options: FitOptions = NOTHING_MORE,
    notices: Sequence[str] = (),
    on_progress: Progress | None = None,
) -> Trained:
    """Train on a record store, as of an instant.

    Args:
        settings: Where state lives.
        store_path: Record store.
        as_of: When we train: records and labels known later do not exist.
        trained_by: Who does it; somebody else must promote.
        recipe: How trees are grown, or where tuning begins; default that of the house.
        seed: Seed instead of the recipe's.
        options: What is asked for besides.
        notices: What a reader must know of these records before believing a figure.
        on_progress: Called with (step, done, total).
    """
    store = RecordStore.open(store_path)
    check_as_of(store.days, as_of)
    plan = plan_splits(first_day=store.days[0], as_of=as_of)
    notify = on_progress or _silent
    slices = slices_from_store(
        store, plan, time_zone=settings.time_zone, on_progress=lambda d, t: notify("features", d, t)
    )
    return _train(
        settings,
        slices,
        name=SERVED,
        recipe=_seeded(recipe or Recipe(), seed),
        default=Recipe(),
        options=options,
        trained_by=trained_by,
        data=store.fingerprint,
        as_of=iso(as_of),
        notices=notices,
        again=["linerisk", "train", "--store", str(store_path), "--as-of", iso(as_of)],
        cross_validation={},
        groups=lambda test: account_groups(store.accounts(), test.line_key, as_of=plan.test_at),
        notify=notify,
        past=(store, as_of),
    )


def train_table(
    settings: Settings,
    path: Path,
    *,
    label: str,
    id_column: str | None,
    trained_by: str,
    time_column: str | None = None,
    group_column: str | None = None,
    name: str | None = None,
    recipe: Recipe | None = None,
    seed: int | None = None,
    options: FitOptions = NOTHING_MORE,
    on_progress: Progress | None = None,
) -> Trained:
    """Train on a feature table that somebody brings, under a model name of its own.

    Args:
        settings: Where state lives.
        path: Parquet or CSV, one row per line.
        label: Column that says fraud or not.
        id_column: Column that names the row.
        trained_by: Who does it.
        time_column: Column of the row's time; then slices follow each other.
        group_column: Column of what must stay in one slice.
        name: Name of the registered model; default the file's.
        recipe: How trees are grown, or where tuning begins; default that of the house for tables of its size.
        seed: Seed instead of the recipe's.
        options: What is asked for besides.
        on_progress: Called with (step, done, total).
    """
    notify = on_progress or _silent
    table = read_table(path, label=label, id_column=id_column, time_column=time_column, group_column=group_column)
    chosen = _seeded(recipe or table.recipe, seed)
    cross, notices = cross_validate_table(table, chosen, notify)
    again = ["linerisk", "train", "--table", str(path), "--label", label]
    for option, given in (("--id", id_column), ("--time", time_column), ("--group", group_column), ("--name", name)):
        again += [option, given] if given else []
    return _train(
        settings,
        slices_from_table(table, seed=chosen.seed),
        name=name or path.stem,
        recipe=chosen,
        default=table.recipe,
        options=options,
        trained_by=trained_by,
        data=table.fingerprint,
        as_of=None,
        notices=(*table.notices, *notices),
        again=again,
        cross_validation=cross,
        groups=None,
        notify=notify,
    )


def _train(
    settings: Settings,
    slices: Slices,
    *,
    name: str,
    recipe: Recipe,
    default: Recipe,
    options: FitOptions,
    trained_by: str,
    data: str,
    as_of: str | None,
    notices: Sequence[str],
    again: Sequence[str],
    cross_validation: Mapping[str, CrossValidated],
    groups: Callable[[Examples], Groups] | None,
    notify: Progress,
    past: tuple[RecordStore, datetime] | None = None,
) -> Trained:
    limits = load_limits(settings.policies)
    registry = registry_for(settings, name, create=True)
    promise = load_promise(settings.policies)
    fitted = fit(slices, options, name=name, recipe=recipe, promise=promise, notify=notify)
    model, slices, recipe = fitted.model, fitted.slices, fitted.recipe
    again = [*again, *options.options(), *again_with(settings.recipes, recipe, default=default)]
    notify("evaluation", 0, 1)
    of_test = None if groups is None else groups(slices.test)
    # Asked once: what the gates compare with is what the version says that they compared with.
    live = registry.alias(CHAMPION)
    evaluation = measure(
        settings,
        model,
        slices,
        recipe=recipe,
        limits=limits,
        registry=registry,
        live=live,
        groups=of_test,
        accounts=past is not None,
    )
    if options.rolling and past is not None:
        rolling = roll(*past, recipe=recipe, promise=promise, time_zone=settings.time_zone, notify=notify)
        evaluation = replace(evaluation, rolling=rolling)
    gates = run_gates(evaluation)
    notify("evaluation", 1, 1)
    # Nothing that differs between two runs of the same data and seed may enter the artefact.
    facts: dict[str, Any] = {"data": data, "as_of": as_of, "split": slices.how, "recipe": recipe.describe()}
    facts |= {"valid_days": limits.model_valid_days, "when_expired": WHEN_EXPIRED, "confidence": 1 - promise.delta}
    facts["impact_assessment"] = None if evaluation.assessment is None else asdict(evaluation.assessment)
    model = replace(model, facts={**model.facts, **facts, "figures": evaluation.figures(), "notices": list(notices)})
    with tempfile.TemporaryDirectory() as scratch:
        artefact, attachments = Path(scratch, "model"), Path(scratch, "attachments")
        fingerprint = model.save(artefact)
        commit_id, lock = commit(), lock_hash()
        reported = ReportFacts(
            title=f"{name}, model {fingerprint[:12]}",
            facts={
                "model": fingerprint,
                "data fingerprint": data,
                "as of": as_of or "none given, as for any table",
                "commit": commit_id,
                "lock": lock,
                "recipe": json.dumps(recipe.describe()),
                "trained by": trained_by,
                **fitted.facts(),
                **measured(evaluation),
                **{f"5-fold, {key}": summary(value) for key, value in cross_validation.items()},
            },
            # What tuning found is not in the artefact: made again, nothing is tuned.
            notices=(*notices, *fitted.notices()),
            again=shlex.join(again),
            valid_days=limits.model_valid_days,
            tuned=fitted.tuned,
        )
        fitted.attach(attachments)
        built = make_report(
            model,
            slices,
            evaluation=evaluation,
            gates=gates,
            reported=reported,
            champion=_compared_with(registry, evaluation),
        )
        built.write(attachments)
        run = run_name(name, evaluation, gates, as_of=as_of, how=fitted.unusual(default))
        notify("registry", 0, 1)
        version = registry.register(
            artefact,
            attachments=attachments,
            params={**recipe.describe(), "features": len(model.columns), "split": slices.how[:500]},
            figures={
                **grouped_figures(evaluation),
                **{f"cross_validation/{k}": v for k, v in cross_validated_figures(dict(cross_validation)).items()},
            },
            tags={"data": data, "commit": commit_id, "lock": lock, "seed": str(recipe.seed), "model": fingerprint}
            | {"tested_on": lines_of(slices.test, data=data)},
            trained_by=trained_by,
            gates="passed" if passed(gates) else "failed",
            failed=[gate.code for gate in gates if gate.outcome is Outcome.FAILED],
            against=None if live is None else live.version,
            described=describe(run, evaluation, gates, reported),
        )
        bring_challenger(settings, registry)
        log_search(settings.mlflow_uri, parent=version.run_id, tuned=fitted.tuned)
        # The registry numbers it only now; the pages for people have the number that the commands take.
        built = replace(built, reported=replace(reported, title=f"{name}, version {version.version}"))
        report = settings.reports / f"{name}-{version.version}.html"
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(built.page(), encoding="utf-8")
        report.with_name(f"{name}-{version.version}.{CARD}").write_text(built.card_text(), encoding="utf-8")
        notify("registry", 1, 1)
    model = replace(model, version=version.version, fingerprint=fingerprint)
    return Trained(
        version,
        model,
        evaluation,
        gates,
        report,
        tuple(reported.notices),
        dict(cross_validation),
        again=reported.again,
        provenance={"model": fingerprint, "data": data, "commit": commit_id, "lock": lock},
        tuned=fitted.tuned,
    )


def _seeded(recipe: Recipe, seed: int | None) -> Recipe:
    return recipe if seed is None else replace(recipe, seed=seed)


def _compared_with(registry: Registry, evaluation: Evaluation) -> RiskModel | None:
    """The champion that the evaluation compared with, if it did."""
    return None if evaluation.comparison is None else registry.load(evaluation.comparison.champion)


def _silent(_step: str, _done: int, _total: int) -> None:
    """Ignore progress."""
