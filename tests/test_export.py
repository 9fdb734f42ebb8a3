"""Every format can be read back by the tool it is for, and the saved dataset loads without a network."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from builder.export import COLUMNS, FORMATS, card, export, save_dataset, to_dataset, user_message
from schemas.errors import UsageError
from schemas.records import Evidence, Pair, Provenance, Turn

QUOTE = 'Zeile eins\n"zwei" – drei, 価格 | vier'


def pair(number, split, *, source="", extra=None):
    return Pair(
        id=f"pair-{number}",
        task="question_answering",
        instruction=f"Frage {number}: “was”?",
        input=source,
        output=f"Antwort {number}\n- eins",
        evidence=(Evidence(document_id="doc-1", start=5, end=5 + len(QUOTE), quote=QUOTE),),
        provenance=Provenance(document_id="doc-1", chunk_id="chunk-1", generator="extractive"),
        group=f"fact-{number}",
        form="plain",
        scores={"sibling": 1.0} if number else {},
        split=split,
        extra=extra or {},
    )


PAIRS = [pair(0, "train"), pair(1, "train", source="Ein Text.", extra={"level": ["a", None]}), pair(2, "test"), pair(3, "paraphrase")]
FACTS = {"company": "Acme: & Söhne", "documents": {"doc-1": "a/b.md"}, "counts": {"leaks": {"test_facts_elsewhere": 0}}}


def rows(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


def said(row):
    """Return what user and assistant say in a row of any format."""
    if "instruction" in row:
        return "\n\n".join(filter(None, (row["instruction"], row["input"]))), row["output"]
    if "conversations" in row:
        return tuple(turn["value"] for turn in row["conversations"])
    turns = row["messages"] if "messages" in row else row["prompt"] + row["completion"]
    return tuple(turn["content"] for turn in turns)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_what_the_pairs_say(form, tmp_path):
    paths = export(PAIRS, form, tmp_path)

    assert [path.name.split(".")[0] for path in paths] == ["train", "test", "paraphrase"]
    assert [said(row) for path in paths for row in rows(path)] == [(user_message(one), one.output) for one in PAIRS]


def test_the_keys_are_those_that_the_tools_expect(tmp_path):
    keys = {form: set(rows(export(PAIRS, form, tmp_path)[0])[0]) for form in FORMATS}

    assert keys == {
        "alpaca": {"instruction", "input", "output"},
        "prompt-completion": {"prompt", "completion"},
        "messages": {"id", "messages"},
        "sharegpt": {"id", "conversations"},
        "openai": {"messages"},
    }


TALK = pair(9, "train", source="Ein Text.").model_copy(
    update={
        "history": (Turn(role="user", content="Erst?"), Turn(role="assistant", content="Ja | so.")),
        "grounding": "absent",
        "evidence": (),
        "flags": ("fuzzy_quote", "repaired"),
    }
)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "alpaca"])
def test_every_chat_format_holds_all_turns(form, tmp_path):
    (row,) = rows(export([TALK], form, tmp_path)[0])

    assert said(row) == ("Erst?", "Ja | so.", "Frage 9: “was”?\n\nEin Text.", TALK.output)


def test_alpaca_rows_have_a_history_when_any_pair_has_one(tmp_path):
    found = [row for path in export([*PAIRS, TALK], "alpaca", tmp_path) for row in rows(path)]

    assert [row["history"] for row in found] == [[], [], [["Erst?", "Ja | so."]], [], []]
    assert found[2]["instruction"] == TALK.instruction


def test_the_dataset_holds_turns_grounding_and_flags():
    first, *_, last = to_dataset([PAIRS[0], TALK])["train"].to_list()

    assert (first["history"], first["grounding"], first["flags"]) == ([], "quoted", [])
    assert last["history"] == [{"role": "user", "content": "Erst?"}, {"role": "assistant", "content": "Ja | so."}]
    assert (last["grounding"], last["flags"], last["evidence"]) == ("absent", ["fuzzy_quote", "repaired"], [])


def test_the_card_counts_groundings_and_flags_and_says_what_they_mean():
    brought = TALK.model_copy(
        update={"grounding": "none", "provenance": Provenance(document_id="file-1", chunk_id="", generator="existing")}
    )

    text, plain = card([PAIRS[0], TALK, brought], {}), card(PAIRS, FACTS)

    assert "| absent | 1 | a search of all documents found no answer, and the response says so |" in text
    assert "| `fuzzy_quote` | 2 | a quote of the model is not verbatim;" in text
    assert "worded by people, the extractive generator" in text
    assert yaml.safe_load(text.split("---\n")[1])["annotations_creators"] == ["machine-generated", "found"]
    assert "Every pair that is grounded in a quote carries" in text
    assert "Every pair carries" in plain
    assert "fuzzy" not in plain


def test_the_roles_are_those_that_the_tools_expect(tmp_path):
    row = rows(export(PAIRS, "prompt-completion", tmp_path)[0])[0]
    other = rows(export(PAIRS, "sharegpt", tmp_path)[0])[0]

    assert [turn["role"] for turn in row["prompt"] + row["completion"]] == ["user", "assistant"]
    assert [turn["from"] for turn in other["conversations"]] == ["human", "gpt"]


def test_a_blank_line_stands_between_instruction_and_input():
    assert user_message(PAIRS[1]) == "Frage 1: “was”?\n\nEin Text."
    assert user_message(PAIRS[0]) == "Frage 0: “was”?"


def test_a_second_export_leaves_no_split_of_the_first(tmp_path):
    export(PAIRS, "alpaca", tmp_path)
    export(PAIRS, "openai", tmp_path)

    export(PAIRS[:2], "alpaca", tmp_path)

    assert sorted(path.name for path in tmp_path.glob("*.alpaca.json")) == ["train.alpaca.json"]
    assert len(list(tmp_path.glob("*.openai.jsonl"))) == 3


def test_an_unknown_format_is_named(tmp_path):
    with pytest.raises(UsageError, match="llama: no such format; there are alpaca"):
        export(PAIRS, "llama", tmp_path)


def test_the_dataset_has_every_column_and_nested_evidence():
    dataset = to_dataset(PAIRS, documents={"doc-1": "a/b.md"})
    row = dataset["train"][1]

    assert {name: part.num_rows for name, part in dataset.items()} == {"train": 2, "test": 1, "paraphrase": 1}
    assert dataset["train"].column_names == list(COLUMNS)
    assert row["evidence"] == [{"document_id": "doc-1", "start": 5, "end": 5 + len(QUOTE), "quote": QUOTE}]
    assert (row["document"], json.loads(row["extra"]), json.loads(row["scores"])) == ("a/b.md", {"level": ["a", None]}, {"sibling": 1.0})


def test_pairs_without_a_split_are_train():
    assert list(to_dataset([pair(0, None)])) == ["train"]


LOAD = """
import json, sys
from datasets import load_dataset
dataset = load_dataset(sys.argv[1])
print(json.dumps({name: part.to_list() for name, part in dataset.items()}))
"""


def test_the_saved_folder_loads_offline_with_the_same_rows(tmp_path):
    folder = tmp_path / "set"
    save_dataset(PAIRS, folder, facts=FACTS)
    quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HOME": str(tmp_path / "home")}

    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)], env=os.environ | quiet, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: part.to_list() for name, part in to_dataset(PAIRS, documents=FACTS["documents"]).items()}


def test_saving_again_gives_the_same_bytes_and_leaves_no_split_behind(tmp_path):
    first = {path: path.read_bytes() for path in save_dataset(PAIRS, tmp_path, facts=FACTS)}

    again = {path: path.read_bytes() for path in save_dataset(PAIRS, tmp_path, facts=FACTS)}
    save_dataset(PAIRS[:2], tmp_path, facts=FACTS)

    assert again == first
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "README.md", "croissant.json", "train-00000-of-00001.parquet",
    ]  # fmt: skip


def test_the_card_has_metadata_for_the_hub_and_tables_for_people():
    text = card(PAIRS, FACTS)
    metadata = yaml.safe_load(text.split("---\n")[1])

    assert metadata["configs"][0]["data_files"][0] == {"split": "train", "path": "data/train-00000-of-00001.parquet"}
    assert metadata["pretty_name"] == "Instruction pairs of Acme: & Söhne"
    assert metadata["size_categories"] == ["n<1K"]
    assert "| train | 2 | what the model learns from |" in text
    assert "| test facts elsewhere | 0 |" in text
    assert all(f"| `{name}` |" in text for name in COLUMNS)


def test_the_card_says_what_a_random_split_would_have_leaked_and_how_diverse_the_pairs_are():
    drawn = {"held_out": 20, "leaking_pairs": 19.2, "leaking_share": 0.96, "rounds": 5}
    proof = {"leaks": {"test_facts_elsewhere": 0}, "random_split": drawn, "sizes": {"test": 15}}
    counts = {"certificate": {**proof, "held_out_documents": 2, "pairs_on_held_out_documents": 5}}

    text, plain = card(PAIRS, {**FACTS, "counts": counts}), card(PAIRS, FACTS)

    assert "0 pairs leak; of a random split of the same sizes, 19 of the 20 pairs of test and validation (96%)" in text
    assert "10 new questions on documents that train knows, and 5 on 2 documents of which nothing is in train" in text
    assert "random split" not in plain
    assert "| tasks | 1 (1.0) |" in plain
    assert "| distinct-3 |" in plain


def test_an_empty_set_has_a_card_too():
    text = card([], {})

    assert "0 pairs" in text
    assert "Diversity" not in text


@pytest.mark.slow
def test_trl_takes_the_rows_for_conversations(tmp_path):
    from trl.data_utils import is_conversational

    examples = [rows(export(PAIRS, form, tmp_path)[0])[0] for form in ("prompt-completion", "messages")]

    assert all(is_conversational({name: value for name, value in row.items() if name != "id"}) for row in examples)
