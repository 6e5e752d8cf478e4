"""Cross-validate a table as it is, and without the columns that give the label away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from linerisk.evaluation.cross_validation import CrossValidated, cross_validate
from linerisk.training.fit import Recipe
from linerisk.training.from_table import FeatureTable, shortcut_columns


def cross_validate_table(
    table: FeatureTable, recipe: Recipe, tell: Callable[[str, int, int], None]
) -> tuple[dict[str, CrossValidated], tuple[str, ...]]:
    """Cross-validate with all columns, and without those whose being missing gives the label away.

    Args:
        table: The table.
        recipe: How trees are grown.
        tell: Called with (step, done, total).

    Returns:
        Figures by name (`all columns`, `without shortcut columns`), and what the reader must know of them.
    """
    notices = [
        "The table has no time in it: a random split, not point in time. Figures flatter compared with operation."
    ]
    found = {
        "all columns": cross_validate(table.examples, recipe, on_progress=lambda d, t: tell("cross-validation", d, t))
    }
    shortcut = shortcut_columns(table.examples)
    if shortcut.columns:
        notices.append(
            f"Shortcut: {shortcut.rows} rows lack {', '.join(shortcut.columns[:3])}… and nearly all of them are "
            f"{'fraud' if shortcut.fraud else 'legitimate'}: how the table was collected, not how fraud behaves. "
            f"Figures are given with and without the columns {', '.join(shortcut.family)}."
        )
        dropped = np.array([column.name in shortcut.family for column in table.examples.columns])
        found["without shortcut columns"] = cross_validate(
            table.examples.without(dropped), recipe, on_progress=lambda d, t: tell("again without shortcuts", d, t)
        )
    return found, tuple(notices)


def said(value: CrossValidated) -> str:
    """Figures in one line."""
    return (
        f"AUC {value.auc:.4f} ± {value.auc_sd:.4f}, macro-F1 {value.macro_f1:.4f} ± {value.macro_f1_sd:.4f} "
        f"on {value.columns} columns"
    )
