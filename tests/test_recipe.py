"""The recipe: read, overridden, refused with advice, written; and no field without a reader."""

import ast
from pathlib import Path

import pytest
from pydantic import BaseModel

from builder.recipe_file import load_recipe, write_recipe
from schemas.errors import RecipeError
from schemas.recipe import SET_BY_ENGINE, EndpointSection, Recipe


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return tmp_path / "recipe.yaml"


def test_a_written_recipe_is_read_back_as_it_was(recipe: Path):
    original = Recipe.model_validate(
        {"company": 'Ümläut & Co: "x"', "curate": {"target": 12, "pair_schema": "a.json"}, "train": {"tokens": 5}}
    )

    write_recipe(recipe, original)

    assert load_recipe(recipe) == original


def test_files_that_a_recipe_lists_are_written_and_read_back(recipe: Path):
    listed = {
        "decontaminate": {"files": ["ours.jsonl", "more/theirs.csv"]},
        "generate": {"existing": [{"path": "old.csv", "task": "faq"}], "tasks": {"question_answering": 2}},
    }
    original = Recipe.model_validate(listed)

    write_recipe(recipe, original)

    assert load_recipe(recipe) == original


def test_a_written_recipe_explains_every_field(recipe: Path):
    write_recipe(recipe, Recipe())

    lines = recipe.read_text().splitlines()
    keys = [number for number, line in enumerate(lines) if ":" in line and not line.lstrip().startswith("#")]
    assert all(lines[number - 1].lstrip().startswith("#") for number in keys)
    assert len(keys) > 50


def test_an_empty_recipe_means_the_defaults(recipe: Path):
    recipe.write_text("# nothing\n")

    assert load_recipe(recipe) == Recipe()


def test_overrides_win_over_the_file(recipe: Path):
    recipe.write_text("curate: {target: 5}\n")

    loaded = load_recipe(recipe, ["curate.target=7", "train.base=some/model", "documents.include=['*.md']", "company=A: B"])

    assert loaded.curate.target == 7
    assert loaded.train.base == "some/model"
    assert loaded.documents.include == ("*.md",)
    assert loaded.company == "A: B"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("curate: {targt: 1}", "recipe.yaml: curate.targt: unknown key; did you mean curate.target?"),
        ("curat: {}", "recipe.yaml: curat: unknown key; did you mean curate?"),
        ("curate: {zzz: 1}", "recipe.yaml: curate.zzz: unknown key; known keys: curate.target"),
        ("curate: {target: 0}", "recipe.yaml: curate.target: "),
        ("generate: {generator: magic}", "'extractive', 'openai' or 'local'"),
        ("curate: 3", "recipe.yaml: curate: "),
        ("- a", "a recipe is a list of keys and values, not a list"),
        ("a: [1", "recipe.yaml:1: not valid YAML"),
        ("a: 'x\n\nb: 1", "not valid YAML"),
        ("train: {learning_rate: fast}", "recipe.yaml: train.learning_rate: "),
        ("endpoint: {base_url: 'https://user:SECRET@host/v1'}", "endpoint.base_url"),
        ("endpoint: {base_url: 'https://host/v1?key=SECRET'}", "endpoint.base_url"),
        ("endpoint: {base_url: 'ftp://host'}", "endpoint.base_url"),
        ("endpoint: {parameters: {max_tokens: 9}}", "may not hold max_tokens, which kilopair sets itself; use endpoint.max_tokens instead"),
        ("endpoint: {parameters: {top_p: 1, stream: true}}", "may not hold stream, which kilopair sets itself; take it out"),
        ("split: {test: 0.5, validation: 0.4, paraphrase: 0.2}", "split: "),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line_that_names_the_key(recipe: Path, text: str, message: str):
    recipe.write_text(text)

    with pytest.raises(RecipeError) as refused:
        load_recipe(recipe)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "SECRET" not in str(refused.value)
    assert "pydantic" not in str(refused.value)


def test_a_missing_recipe_says_how_to_get_one(recipe: Path):
    with pytest.raises(RecipeError, match="kilopair init"):
        load_recipe(recipe)


@pytest.mark.parametrize("override", ["target", "=3", "company.name=x", "curate.kepe=3"])
def test_a_wrong_override_is_refused(recipe: Path, override: str):
    recipe.write_text("company: A\n")

    with pytest.raises(RecipeError):
        load_recipe(recipe, [override])


def test_the_key_itself_cannot_be_put_into_a_recipe(recipe: Path):
    recipe.write_text("endpoint: {api_key_env: 'sk-live-SECRET-123'}\n")

    with pytest.raises(RecipeError) as refused:
        load_recipe(recipe)

    assert "name of an environment variable" in str(refused.value)
    assert "SECRET" not in str(refused.value)


SECTIONS = {
    name: info.annotation
    for name, info in Recipe.model_fields.items()
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
}


def reads_of(tree: ast.AST) -> set[str]:
    """Every `section.field` that the source reads: through `recipe.section.field` or a name annotated or assigned as the section."""
    by_class = {section.__name__: name for name, section in SECTIONS.items()}
    known: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and isinstance(node.annotation, ast.Name) and node.annotation.id in by_class:
            name = node.arg if isinstance(node, ast.arg) else getattr(node.target, "id", "")
            known.setdefault(name, set()).add(by_class[node.annotation.id])
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute) and node.value.attr in SECTIONS:
            known.setdefault(getattr(node.targets[0], "id", ""), set()).add(node.value.attr)
    reads = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            inner = node.value
            name = inner.id if isinstance(inner, ast.Name) else inner.attr if isinstance(inner, ast.Attribute) else ""
            sections = known.get(name, set()) | ({name} if isinstance(inner, ast.Attribute) and name in SECTIONS else set())
            reads |= {f"{section}.{node.attr}" for section in sections}
            reads |= {node.attr} if name in {"recipe", "settings"} else set()
    return reads


def test_every_field_of_the_recipe_is_read_somewhere(root: Path):
    reads: set[str] = set()
    for package in ("builder", "generators", "trainer"):
        for path in (root / package).rglob("*.py"):
            reads |= reads_of(ast.parse(path.read_text()))

    fields = {f"{name}.{field}" for name, section in SECTIONS.items() for field in section.model_fields}
    assert fields - reads == set()
    assert set(Recipe.model_fields) - reads == set()


def test_what_decides_a_field_that_the_engine_sets_is_a_field_of_the_recipe():
    named = {tuple(field.split(".")) for field in SET_BY_ENGINE.values() if field}

    assert {field for section, field in named if field not in SECTIONS[section].model_fields} == set()
    assert {field for section, field in named if section == "endpoint"} == {"model", "max_tokens", "structured"}


def test_every_field_of_the_recipe_has_a_description_and_a_default():
    sections = [Recipe, *SECTIONS.values()]

    for section in sections:
        for name, info in section.model_fields.items():
            assert not info.is_required(), name
            assert info.description or (isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)), name


def test_an_endpoint_url_loses_its_trailing_slash():
    assert EndpointSection(base_url="http://127.0.0.1:1/v1/").base_url == "http://127.0.0.1:1/v1"
