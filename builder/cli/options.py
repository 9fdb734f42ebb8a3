"""The options that all commands share, and the recipe that they lead to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from schemas.recipe import Recipe

F = TypeVar("F", bound=Callable[..., Any])


def recipe_options(function: F) -> F:
    """Add the recipe argument and the options --set, --quiet and --json."""
    return click.argument("recipe", type=click.Path(path_type=Path), default="recipe.yaml")(shared_options(function))


def shared_options(function: F) -> F:
    """Add the options --set, --quiet and --json, to a command whose recipe is followed by other arguments."""
    function = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line on standard output.")(function)
    function = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")(function)
    return click.option(
        "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field of the recipe, for example curate.target=500."
    )(function)


def opened(path: Path, overrides: tuple[str, ...]) -> "tuple[Recipe, Path]":
    """Return the recipe of a file and the folder that its paths are relative to."""
    from builder.recipe_file import load_recipe

    return load_recipe(path, overrides), path.resolve().parent
