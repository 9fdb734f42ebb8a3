"""Vectors without a model, of a local model, and remembered."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from builder.curation.embed import Remembered, embedder, endpoint_of, question_of, unit_rows, whole_of
from builder.curation.embed_local import LocalModel
from builder.curation.lexical import Lexical
from schemas.curation_embed import EmbedSection
from schemas.errors import InputError, WorkspaceError
from schemas.recipe import EndpointSection
from schemas.records import Turn
from tests.tiny_models import TEXTS, a_pair, chat_tokenizer, plain_tokenizer, saved

QUESTIONS = [
    "Can I return a bike within 30 days?",
    "Can i return bikes within 30 days",
    "Within 30 days, can I return a bike?",
    "What is the warranty on the frame?",
    "How long is the frame covered by the warranty?",
    "Who sells spare parts in winter?",
]


class Counting:
    """An embedder that says which texts it was shown."""

    name = "counting"

    def __init__(self, dimensions=3):
        self.seen = []
        self.dimensions = dimensions

    def __call__(self, texts):
        self.seen += texts
        return unit_rows(np.array([[len(text) + 1, *range(1, self.dimensions)] for text in texts], dtype=np.float64))


# Without a model


def test_what_says_the_same_in_other_words_or_order_is_nearer_than_what_does_not():
    cosines = (vectors := Lexical()(QUESTIONS)) @ vectors.T

    assert cosines[0, 1] > 0.6
    assert cosines[0, 2] > 0.95
    assert cosines[3, 4] > 0.35
    assert cosines[[0, 0, 0, 3], [3, 4, 5, 5]].max() < 0.3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Überprüfen Sie die Bremse", "überprüfe die Bremsen"),
        ("自転車の返品はできますか", "自転車は返品できますか"),
        ("ГАРАНТИЯ на раму", "гарантия рамы"),
    ],
)
def test_every_script_has_words(one, other):
    cosines = (vectors := Lexical()([one, other, "an unrelated line"])) @ vectors.T

    assert cosines[0, 1] > 0.2 > cosines[[0, 1], [2, 2]].max()


def test_a_typing_error_leaves_a_word_near():
    cosines = (vectors := Lexical()(["replacement", "replacment", "warehouse"])) @ vectors.T

    assert cosines[0, 1] > 0.2 > abs(cosines[0, 2]) + 0.05


@given(st.lists(st.text(max_size=40), max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_rows_are_of_length_one_and_the_same_in_any_order(texts, shuffler):
    order = shuffler.sample(range(len(texts)), len(texts))

    rows = Lexical()(texts)

    lengths = np.linalg.norm(rows, axis=1)
    assert rows.shape == (len(texts), 384)
    assert rows.dtype == np.float32
    assert ((abs(lengths - 1) < 1e-5) | (lengths == 0)).all()
    assert np.allclose(Lexical()([texts[place] for place in order]), rows[order], atol=1e-5)


def test_a_word_that_all_texts_share_counts_little():
    texts = [f"please tell me about the {word}" for word in ("invoice", "forklift", "canteen", "heating")] * 20
    cosines = (vectors := Lexical()(texts)) @ vectors.T

    assert cosines[0, 1] < 0.6


def test_what_is_embedded_of_a_pair():
    pair = a_pair("And for frames?", "Two years.", input="Model R2").model_copy(
        update={"history": (Turn(role="user", content="How long is the warranty?"), Turn(role="assistant", content="One year."))}
    )

    assert question_of(pair) == "How long is the warranty?\nOne year.\nAnd for frames?\nModel R2"
    assert whole_of(a_pair("Why?", "So.")) == "Why?\nSo."


# Remembered


def test_a_text_is_embedded_once_over_all_runs(tmp_path):
    path = tmp_path / "cache" / "vectors.sqlite"
    first, second = Counting(), Counting()

    one = Remembered(first, path)(["a", "bb", "a"])
    two = Remembered(second, path)(["bb", "ccc", "a"])

    assert first.seen == ["a", "bb"]
    assert second.seen == ["ccc"]
    assert np.array_equal(one[[1, 0]], two[[0, 2]])
    assert [path.name for path in path.parent.iterdir()] == ["vectors.sqlite"]


def test_another_model_has_vectors_of_its_own(tmp_path):
    other = Counting()
    other.name = "another"
    Remembered(Counting(), tmp_path / "v.sqlite")(["a"])

    Remembered(other, tmp_path / "v.sqlite")(["a"])

    assert other.seen == ["a"]


def test_what_was_embedded_before_a_failure_is_kept(tmp_path, monkeypatch):
    class Failing(Counting):
        def __call__(self, texts):
            if "c" in texts:
                raise InputError("no more")
            return super().__call__(texts)

    monkeypatch.setattr("builder.curation.embed.AT_ONCE", 2)
    with pytest.raises(InputError):
        Remembered(Failing(), tmp_path / "v.sqlite")(["a", "b", "c"])
    again = Counting()

    Remembered(again, tmp_path / "v.sqlite")(["a", "b", "c"])

    assert again.seen == ["c"]


def test_a_model_that_changed_its_vectors_is_noticed(tmp_path):
    Remembered(Counting(3), tmp_path / "v.sqlite")(["a"])

    with pytest.raises(InputError, match=r"vectors of 2 lengths \(\[3, 4\]\)"):
        Remembered(Counting(4), tmp_path / "v.sqlite")(["a", "b"])


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "v.sqlite").write_bytes(b"this is no database" * 100)

    with pytest.raises(WorkspaceError, match=r"v\.sqlite: the remembered vectors cannot be read .*; delete the file and run again"):
        Remembered(Counting(), tmp_path / "v.sqlite")(["a"])


def test_of_no_texts_there_are_no_vectors(tmp_path):
    assert len(Remembered(Counting(), tmp_path / "v.sqlite")([])) == 0
    assert sqlite3.connect(tmp_path / "v.sqlite").execute("SELECT count(*) FROM vectors").fetchone() == (0,)


def test_vectors_that_are_no_numbers_are_refused():
    with pytest.raises(InputError, match="values that are no numbers"):
        unit_rows(np.array([[1.0, np.nan]]))


# A local model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("model"), "llama", chat_tokenizer())


def test_a_local_model_gives_the_mean_of_its_states_without_padding(folder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    rows = LocalModel(folder, root=Path("/nowhere"))([TEXTS[0], TEXTS[1] + " " + TEXTS[2], ""])

    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    for text, row in zip([TEXTS[0], TEXTS[1] + " " + TEXTS[2]], rows, strict=False):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(dim=0)
        assert np.allclose(unit_rows(states.numpy()[None])[0], row, atol=1e-4)
    assert np.isfinite(rows).all()


def test_a_model_without_padding_token_gets_one(tmp_path):
    place = saved(tmp_path / "plain", "llama", plain_tokenizer())

    rows = LocalModel("plain", root=tmp_path)(["short", "a longer text than that"])

    assert rows.shape[0] == 2
    assert place.endswith("plain")


def test_other_weights_under_the_same_name_are_another_model(tmp_path):
    saved(tmp_path / "m", "llama", chat_tokenizer())
    before = LocalModel("m", root=tmp_path).name
    next((tmp_path / "m").glob("*.safetensors")).touch()

    assert LocalModel("m", root=tmp_path).name != before


def test_a_model_that_is_not_there_is_named_and_not_downloaded(tmp_path):
    with pytest.raises(InputError, match=r"cannot load the embedding model nobody/nothing: .*; give the folder of a transformers model"):
        LocalModel("nobody/nothing", root=tmp_path)(["a"])


# By recipe


def test_the_recipe_says_what_makes_the_vectors(tmp_path):
    def named(**section):
        return embedder(EmbedSection(**section), EndpointSection(), root=tmp_path, cache=tmp_path / "v.sqlite")

    assert isinstance(named(), Lexical)
    assert named(by="endpoint", model="embed-small").name == "endpoint/embed-small"
    assert named(by="local", model="folder").name.startswith("local/folder/")
    assert named(by="none") is None
    with pytest.raises(ValidationError, match="needs the name of a model"):
        EmbedSection(by="local")


def test_a_key_of_one_endpoint_is_not_sent_to_another():
    chat = EndpointSection(base_url="http://127.0.0.1:1/v1", model="chat", api_key_env="CHAT_KEY", attempts=2)

    same = endpoint_of(EmbedSection(by="endpoint", model="e"), chat)
    other = endpoint_of(EmbedSection(by="endpoint", model="e", base_url="http://127.0.0.1:2/v1"), chat)
    own = endpoint_of(EmbedSection(by="endpoint", model="e", base_url="http://127.0.0.1:2/v1", api_key_env="EMBED_KEY"), chat)

    assert (same.base_url, same.model, same.api_key_env, same.attempts) == (chat.base_url, "e", "CHAT_KEY", 2)
    assert "api_key_env" not in other.model_fields_set
    assert own.api_key_env == "EMBED_KEY"
