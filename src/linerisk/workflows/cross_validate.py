"""Cross-validates a table: with all columns, and in two ways without shortcut columns that reveal the label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from linerisk.evaluation.cross_validation import FOLDS, CrossValidated, cross_validate
from linerisk.training.examples import Examples
from linerisk.training.fit import Recipe
from linerisk.training.from_table import SMALL_TABLE_ROWS, FeatureTable, Shortcut, hidden, shortcut_columns

ALL, HIDDEN, WITHOUT = "all columns", "shortcut hidden", "without shortcut columns"
DRAWS_OF_A_SMALL_TABLE = 3

CAN_AND_CANNOT = (
    "What such a table can show, and what it cannot. With labels and features taken at one time and no dates, it can "
    "show that its columns separate the two kinds among lines collected like these; that training, calibration and "
    "cut points work on real values with real gaps; and how we compare with others on the same rows. It cannot show "
    "how a model fares later, on fraud that has changed or with labels that come late. Its share of fraud comes from "
    "how it was collected, so probabilities and precision hold for no operator; give yours with --prevalence. It may "
    "have too few legitimate lines to prove what the higher tiers promise. And its frauds may differ only by how they "
    "were gathered."
)


def cross_validate_table(
    table: FeatureTable, recipe: Recipe, notify: Callable[[str, int, int], None]
) -> tuple[dict[str, CrossValidated], tuple[str, ...]]:
    """Cross-validate with all columns, with the gaps of shortcut columns filled, and without these columns.

    A table with times is not cross-validated, because folds would train on later rows; shortcut columns are reported.

    Args:
        table: The table.
        recipe: How trees are grown.
        notify: Called with (step, done, total).

    Returns:
        Figures by name (`all columns`, `shortcut hidden`, `without shortcut columns`), and notices for the reader.
    """
    shortcut = shortcut_columns(table.examples)
    if table.time_column is not None:
        return {}, (_found(shortcut),) if shortcut.columns else ()
    draws = DRAWS_OF_A_SMALL_TABLE if len(table.examples) < SMALL_TABLE_ROWS else 1

    def measured(step: str, examples: Examples) -> CrossValidated:
        return cross_validate(
            examples, recipe, group=table.group, draws=draws, on_progress=lambda d, t: notify(step, d, t)
        )

    notices = [
        "The table has no time in it: a random split, not point in time. Figures flatter compared with operation.",
        CAN_AND_CANNOT,
    ]
    found = {ALL: measured("cross-validation", table.examples)}
    if shortcut.columns:
        notices.append(
            f"{_found(shortcut)} Figures are given as it is; with the gaps filled from other rows, so that values "
            f"count and gaps do not; and without the columns {', '.join(shortcut.family)}."
        )
        found[HIDDEN] = measured("again, shortcut hidden", hidden(table.examples, shortcut, seed=recipe.seed))
        dropped = np.array([column.name in shortcut.family for column in table.examples.columns])
        found[WITHOUT] = measured("again without shortcuts", table.examples.without(dropped))
    return found, tuple(notices)


def _found(shortcut: Shortcut) -> str:
    return (
        f"Shortcut: {shortcut.rows} rows lack {', '.join(shortcut.columns)} and nearly all of them are "
        f"{'fraud' if shortcut.fraud else 'legitimate'}: how the table was collected, not how fraud behaves."
    )


def figures(crossed: dict[str, CrossValidated]) -> dict[str, float]:
    """The plain numbers, by the names under which they are logged."""
    names = {ALL: "all", HIDDEN: "shortcut_hidden", WITHOUT: "without_shortcuts"}
    return {
        f"cv_{figure}_{names[key]}": getattr(value, figure)
        for key, value in crossed.items()
        for figure in ("auc", "macro_f1")
    }


def summary(value: CrossValidated) -> str:
    """The figures in one line."""
    return (
        f"AUC {value.auc:.4f} ± {value.auc_sd:.4f}, macro-F1 {value.macro_f1:.4f} ± {value.macro_f1_sd:.4f} "
        f"on {value.columns} columns, {value.draws} x {FOLDS} folds"
    )
