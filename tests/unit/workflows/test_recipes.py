"""A recipe is kept as a file named by its content, and what is no recipe is refused by the fact that is wrong."""

import json
from pathlib import Path

import pytest

from linerisk.errors import InputError
from linerisk.training.fit import Recipe
from linerisk.workflows.recipes import again_with, read_recipe, write_recipe


def test_a_recipe_survives_a_round_trip_and_has_one_file(tmp_path: Path) -> None:
    recipe = Recipe(trees=61, leaves=5, learning_rate=0.18898509600831712, seed=3)
    path = write_recipe(tmp_path / "new", recipe)
    assert read_recipe(path) == recipe
    assert write_recipe(tmp_path / "new", recipe) == path != write_recipe(tmp_path / "new", Recipe())


def test_missing_fields_of_a_recipe_take_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"trees": 7, "row_share": 1}')
    assert read_recipe(path) == Recipe(trees=7, row_share=1.0)


def test_another_recipe_is_given_again_by_a_file(tmp_path: Path) -> None:
    option, path = again_with(tmp_path, Recipe(trees=7), default=Recipe())
    assert option == "--recipe"
    assert read_recipe(Path(path)) == Recipe(trees=7)


@pytest.mark.parametrize(
    ("content", "field", "found"),
    [
        ({"tress": 7}, None, "tress"),
        ([7], None, "list"),
        ({"trees": 7.5}, "trees", "7.5"),
        ({"trees": "7"}, "trees", "'7'"),
        ({"trees": True}, "trees", "True"),
        ({"learning_rate": -0.1}, "learning_rate", "-0.1"),
    ],
)
def test_an_invalid_recipe_is_refused(tmp_path: Path, content: object, field: str | None, found: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as refused:
        read_recipe(path)
    assert (refused.value.field, refused.value.found) == (field, found)


@pytest.mark.parametrize("text", [None, "not json"])
def test_a_missing_file_or_invalid_json_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "gone.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match="the recipe cannot be read"):
        read_recipe(path)
