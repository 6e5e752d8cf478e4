"""Recipe files: a tuned recipe is kept, so that the training can be repeated without tuning."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path

from linerisk.errors import InputError
from linerisk.training.fit import Recipe


def write_recipe(folder: Path, recipe: Recipe) -> Path:
    """Write a recipe to a file named by its content."""
    text = json.dumps(recipe.describe(), indent=1, sort_keys=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; missing values take their default.

    Raises:
        InputError: The file is missing, not a JSON object, or has an unknown or wrong value.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            "the recipe cannot be read",
            expected="a JSON file",
            found=f"{path.name}: {error}",
            todo="give --recipe a file that a tuning left in HOME/recipes, or write one like it",
        ) from error
    known = {each.name: type(getattr(Recipe(), each.name)) for each in fields(Recipe)}
    if not isinstance(content, dict) or not content.keys() <= known.keys():
        unknown = (
            ", ".join(sorted(content.keys() - known.keys())) if isinstance(content, dict) else type(content).__name__
        )
        raise InputError(
            "this is not a recipe",
            expected=f"a JSON object with some of: {', '.join(known)}",
            found=unknown,
            todo="remove or rename unknown keys; missing keys take their default",
        )
    for name, value in content.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        if (not whole and not (known[name] is float and isinstance(value, float))) or value < 0:
            expected = "a number" if known[name] is float else "a whole number"
            raise InputError(
                f"the recipe's {name} is wrong",
                expected=f"{expected}, 0 or more",
                found=repr(value),
                todo="correct the file, or leave the value out to use the default",
                field=name,
            )
    return replace(Recipe(), **{name: known[name](value) for name, value in content.items()})


def again_with(folder: Path, recipe: Recipe, *, default: Recipe) -> list[str]:
    """The command-line options for this recipe: none, a seed, or a file written for it.

    Args:
        folder: Folder of recipe files.
        recipe: The recipe that was used.
        default: The recipe without options.
    """
    if recipe == default:
        return []
    if recipe == replace(default, seed=recipe.seed):
        return ["--seed", str(recipe.seed)]
    return ["--recipe", str(write_recipe(folder, recipe))]
