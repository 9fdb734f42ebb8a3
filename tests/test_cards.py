"""The dataset's card and its description for machines, and what the model card takes from the proof."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard

from builder.card import COLUMNS, card
from builder.croissant import CONFORMS_TO, FILE
from builder.export import facts_of, save_dataset
from builder.figures_in_words import generated, table
from builder.model_card_facts import limits, proof, results
from schemas.records import Pair
from tests.report_facts import PAGE, PAIRS, evaluation, raw_diagnosis
from tests.test_package import card as model_card_text

FIELD = {
    "type": "object",
    "required": ["@type", "@id", "name"],
    "properties": {
        "@type": {"const": "cr:Field"},
        "subField": {"type": "array", "minItems": 1},
        "source": {"required": ["fileObject", "extract"]},
    },
    "if": {"required": ["isArray"]},
    "then": {"required": ["arrayShape"]},
}
RECORD_SET = {
    "required": ["@type", "@id", "name", "field"],
    "properties": {"@type": {"const": "cr:RecordSet"}, "field": {"type": "array", "items": FIELD, "minItems": 1}},
}
RAI = ("dataCollection", "dataCollectionType", "dataLimitations", "dataBiases", "personalSensitiveInformation", "dataUseCases")
CROISSANT = {  # what Croissant 1.1 demands of a dataset, as far as ours uses it
    "type": "object",
    "required": [
        "@context",
        "@type",
        "conformsTo",
        "name",
        "description",
        "license",
        "distribution",
        "recordSet",
        *(f"rai:{name}" for name in RAI),
    ],
    "properties": {
        "@type": {"const": "sc:Dataset"},
        "conformsTo": {"contains": {"const": "http://mlcommons.org/croissant/1.1"}},
        "distribution": {
            "items": {
                "required": ["@type", "@id", "name", "contentUrl", "encodingFormat", "sha256"],
                "properties": {"@type": {"const": "cr:FileObject"}, "sha256": {"pattern": "^[0-9a-f]{64}$"}},
            }
        },
        "recordSet": {"type": "array", "items": RECORD_SET},
    },
}


def saved(folder: Path, pairs: list[Pair] | None = None) -> dict[str, Any]:
    save_dataset(pairs or PAIRS, folder, facts=facts_of([PAGE], company="Boats & Oars", counts={"leaks": {"test_facts_elsewhere": 0}}))
    return json.loads((folder / FILE).read_text(encoding="utf-8"))


def test_the_description_for_machines_is_croissant_with_the_fields_for_responsible_ai(tmp_path: Path):
    found = saved(tmp_path)

    jsonschema.validate(found, CROISSANT)
    assert found["conformsTo"] == CONFORMS_TO
    assert PAGE.sha256 in found["rai:dataCollectionRawData"]
    assert any("0 pairs leak" in line for line in found["rai:dataPreprocessingProtocol"])


def ids(value: object, name: str) -> list[str]:
    """Return every `@id` under a key of a JSON value."""
    if isinstance(value, Mapping):
        own = [str(value["@id"])] if name == "" and "@id" in value else []
        found = [str(one["@id"]) for key, one in value.items() if key == name and isinstance(one, Mapping)]
        return own + found + [one for key, inner in value.items() if key != "@context" for one in ids(inner, name)]
    return [one for inner in value for one in ids(inner, name)] if isinstance(value, list) else []


def test_files_and_columns_that_the_description_names_are_there(tmp_path: Path):
    from pyarrow import parquet

    found = saved(tmp_path)

    for file in found["distribution"]:
        raw = (tmp_path / file["contentUrl"]).read_bytes()
        assert sha256(raw).hexdigest() == file["sha256"]
        assert file["contentSize"] == f"{len(raw)} B"
    assert set(ids(found["recordSet"], "fileObject")) == {file["@id"] for file in found["distribution"]}
    columns = {field["name"] for one in found["recordSet"] if one["@id"] == "train" for field in one["field"]}
    assert columns == set(COLUMNS) == set(parquet.read_schema(tmp_path / "data" / "train-00000-of-00001.parquet").names)
    named = [one["@id"] for part in found["recordSet"] for one in part["field"]]
    assert len(named) == len(set(named))


def test_the_card_carries_columns_rows_and_bytes_for_the_hub(tmp_path: Path):
    saved(tmp_path)

    read = DatasetCard.load(tmp_path / "README.md").data.to_dict()

    assert read["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-00000-of-00001.parquet"}, {"split": "test", "path": "data/test-00000-of-00001.parquet"},
    ]  # fmt: skip
    assert [(one["name"], one["num_examples"]) for one in read["dataset_info"]["splits"]] == [("train", 20), ("test", 20)]
    assert [one["name"] for one in read["dataset_info"]["features"]] == list(COLUMNS)
    assert read["dataset_info"]["download_size"] == sum(path.stat().st_size for path in tmp_path.rglob("*.parquet"))
    assert (read["language"], read["license"]) == (["en"], "unknown")


def test_the_card_names_the_documents_with_their_hashes_and_what_share_was_generated(tmp_path: Path):
    made = [
        one.model_copy(update={"provenance": one.provenance.model_copy(update={"model": "big-1" if place < 10 else None})})
        for place, one in enumerate(PAIRS)
    ]
    saved(tmp_path, made)

    text = (tmp_path / "README.md").read_text(encoding="utf-8")

    assert f"| boats.md | `{PAGE.sha256[:16]}` | 40 |" in text
    assert "25% of the pairs hold text that a language model generated: big-1 (25%); rules worded 75%." in text
    assert "The licence of the pairs is not known to kilopair." in text


@pytest.mark.parametrize(
    ("models", "said"),
    [([None, None], "was generated by a language model (0%): rules worded them"), (["a", "a"], "100% of the pairs"), ([], "(0%): nobody")],
)
def test_the_share_of_generated_text_is_said_in_one_sentence(models: list[str | None], said: str):
    pairs = [PAIRS[0].model_copy(update={"provenance": PAIRS[0].provenance.model_copy(update={"model": model})}) for model in models]

    assert said in generated(pairs)


def test_a_card_made_without_files_still_has_its_metadata():
    head = yaml.safe_load(card(PAIRS, {"company": "Acme"}).split("---\n")[1])

    assert head["pretty_name"] == "Instruction pairs of Acme"
    assert "dataset_info" not in head
    assert [file["split"] for file in head["configs"][0]["data_files"]] == ["train", "test"]


def test_a_cell_of_a_table_stays_a_cell():
    assert table(("a", "b"), [("x | y", "1\n2"), ("<b>", "`c`")]).splitlines()[2:] == ["| x \\| y | 1 2 |", "| &lt;b> | `c` |"]
    assert table(("a",), []) == ""


def test_the_model_card_says_what_was_proved_and_what_is_weak():
    found = evaluation()
    text = model_card_text(results=results(found), proof=proof(found), limits=limits(found, raw_diagnosis()))

    assert "- Tuned is better than base in exact match on paraphrase: +70.0 points" in text
    assert "Against the right passage in the prompt: " in text
    assert "| exact match on | questions | base | base, few-shot | base with the passage | tuned |" in text
    assert "- General text costs the same as before." in text
    assert "it never gets right." in text
    assert "by task: question answering (4 of 20)." in text
    assert "boats.md" not in text  # the names of documents do not go where the model goes
    assert ModelCard(text).data["eval_results"]


def test_without_statistics_the_model_card_proves_nothing():
    assert results({}) is None
    assert proof({"sets": {"test": {"n": 3, "overall": {"base": {"exact_match": 0.0}, "tuned": {"exact_match": 1.0}}}}}) == []
    assert limits({}, {}) == []
