"""Candidate bases compared on a dataset before training: what is measured, what is recommended, what a broken one does."""

import json
import math
import shutil
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForCausalLM, Qwen2MoeConfig

from builder.cli.main import group
from schemas.errors import InputError
from schemas.training import BaseSection, TrainSection
from tests.tiny_models import TEXTS, UNSEEN_WORDING, chat_tokenizer, facts, ignore, plain_tokenizer, saved, thinking_tokenizer, tiny_model
from trainer.base import make_base
from trainer.candidate_scores import bits_of_answers, bytes_of_answers, draw_shots, few_shot
from trainer.candidate_text import measure_rows, read_texts
from trainer.candidates import Candidate, Dataset, look_at
from trainer.licence import licence_of
from trainer.loss import row_losses
from trainer.recommend import recommend
from trainer.rows import pair_rows
from trainer.sft import train
from trainer.templates import choose_template

SECTION = TrainSection(batch_tokens=512)
DATASET = Dataset(facts(), facts((UNSEEN_WORDING,)), seed=1)
CARD = "---\nlicense: {}\nlicense_name: own-terms\n---\n# A model\n"


def _look(place, **wanted):
    *said, found = look_at("candidate", str(place), DATASET, section=SECTION, with_trial=False, **wanted)
    assert said
    return found


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A base made from the documents, a chat model, one that knows the domain, one without a template, and one that is damaged."""
    folder = tmp_path_factory.mktemp("bases")
    shape = BaseSection(vocabulary=400, width=64, layers=2, heads=2, tokens=6_000, block=32, context=256)
    make_base(TEXTS * 3, section=shape, seed=0, folder=folder / "embedded", progress=ignore)
    saved(folder / "chat", "qwen3", thinking_tokenizer())
    (folder / "chat" / "README.md").write_text(CARD.format("apache-2.0"))
    section = TrainSection(epochs=14, batch_tokens=256, learning_rate=1e-2)
    train(facts(), [], TEXTS, base=str(folder / "chat"), section=section, seed=0, folder=folder / "knowing", progress=ignore)
    saved(folder / "plain", "gpt_neox", plain_tokenizer(), max_position_embeddings=64)
    shutil.copytree(folder / "chat", folder / "broken")
    (folder / "broken" / "model.safetensors").write_bytes(b"not weights")
    return folder


@pytest.fixture(scope="module")
def found(places):
    return {place.name: _look(place) for place in sorted(places.iterdir())}


def test_a_candidate_is_described_by_its_own_config_tokenizer_and_card(found):
    chat, plain = found["chat"], found["plain"]

    assert (chat.architecture, chat.licence, chat.template, chat.end_token) == ("Qwen3ForCausalLM", "apache-2.0", "its own", "<|im_end|>")
    assert (plain.architecture, plain.licence, plain.template) == ("GPTNeoXForCausalLM", "unknown", "alpaca")
    assert chat.parameters == sum(weight.numel() for weight in tiny_model("qwen3", thinking_tokenizer()).parameters())
    assert found["embedded"].licence == "yours"
    assert (chat.gguf, plain.gguf[:10]) == ("", "GPTNeoXFor")
    assert chat.fits
    assert json.loads(json.dumps(chat.as_json()))["memory"]["total"] == chat.needed


def test_p42_a_template_whose_end_is_not_among_the_end_tokens_is_told(found):
    assert any("ends a turn with <|im_end|>" in note for note in found["chat"].notes)
    assert found["embedded"].notes == []


def test_pairs_over_the_context_are_counted(found):
    plain = found["plain"]

    assert plain.lengths.context == 64
    assert plain.lengths.over == len(facts()) + len(DATASET.questions)
    assert plain.bits_per_byte is None
    assert "no held-out question fits" in plain.notes[-1]
    assert found["chat"].lengths.over == 0


def test_a_damaged_candidate_has_a_row_of_its_own_with_what_is_known(found):
    assert "deserializing" in found["broken"].problem
    assert found["broken"].parameters == found["chat"].parameters
    assert "cannot load the model" in _look("no/such-model").problem


def test_an_architecture_whose_memory_cannot_be_counted_is_compared_all_the_same(tmp_path):
    tokenizer = chat_tokenizer()
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    experts = {"num_experts": 4, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16}
    config = Qwen2MoeConfig(vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, **sizes, **experts)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    mixture = _look(tmp_path)

    assert mixture.problem == ""
    assert mixture.memory is mixture.fits is None
    assert mixture.parameters > 0
    assert mixture.bits_per_byte > 0
    assert "cannot be counted beforehand" in mixture.notes[0]


def test_the_base_that_reads_the_answers_most_easily_is_recommended_with_its_reason(found):
    chosen, reason = recommend([replace(candidate, base=name) for name, candidate in found.items()], DATASET.questions)

    assert found["knowing"].bits_per_byte < found["chat"].bits_per_byte
    assert found["knowing"].few_shot.token_f1 > found["chat"].few_shot.token_f1
    assert chosen == "knowing"
    assert reason.startswith("take knowing: it needs the fewest bits per byte of your answers")


def test_that_the_embedded_base_knows_no_other_words_is_said(found):
    own = replace(found["embedded"], base="embedded", bits_per_byte=0.5, bits=[])

    assert "read your documents and nothing else" in recommend([own, found["chat"]], DATASET.questions)[1]


def test_of_two_that_read_about_equally_well_the_smaller_is_recommended():
    sizes = bytes_of_answers(DATASET.questions)
    large = Candidate("large", "large", parameters=10**9, bits=[2.0 * size for size in sizes], bits_per_byte=2.0)
    noise = [0.5 if index % 2 else -0.45 for index in range(len(sizes))]
    small = Candidate(
        "small", "small", parameters=10**6, bits=[(2 + more) * size for more, size in zip(noise, sizes, strict=True)], bits_per_byte=2.025
    )

    chosen, reason = recommend([large, small], DATASET.questions)

    assert chosen == "small"
    assert "within the error of the best (large, 2.00), and it is smaller" in reason
    assert "licence is not known" in reason
    assert recommend([large, replace(small, parameters=10**9)], DATASET.questions)[0] == "large"


def test_without_a_usable_candidate_every_reason_is_given(found):
    chosen, reason = recommend([found["plain"], found["broken"]], DATASET.questions)

    assert chosen is None
    assert "longer than its context of 64 tokens" in reason
    assert "deserializing" in reason


def test_bits_per_byte_are_the_loss_of_the_response_alone_and_do_not_depend_on_the_tokenizer():
    template = choose_template(chat_tokenizer())
    model = tiny_model("llama", template.tokenizer)
    pairs = facts()[:3]
    rows = pair_rows(pairs, template)

    bits = bits_of_answers(model, pairs, template)

    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()  # every token equally likely
    uniform = bits_of_answers(model, pairs, template)
    assert all(
        part < whole / math.log(2) for part, whole in zip(bits, row_losses(tiny_model("llama", template.tokenizer), rows), strict=True)
    )
    expected = [(row.trained - 1) * math.log2(len(template.tokenizer)) for row in rows]
    assert uniform == pytest.approx(expected, rel=1e-4)
    assert bytes_of_answers(pairs) == [len(pair.output.encode()) for pair in pairs]


def test_examples_are_short_seeded_and_dropped_until_they_fit():
    template = choose_template(chat_tokenizer())
    model, rows = tiny_model("llama", template.tokenizer), pair_rows(DATASET.questions, template)
    shots = draw_shots(facts(), count=3, seed=1)

    roomy = few_shot(model, DATASET.questions[:2], shots, template=template, lengths=measure_rows(rows, None))
    tight = few_shot(model, DATASET.questions[:2], shots, template=template, lengths=measure_rows(rows, 80))

    assert shots == draw_shots(facts(), count=3, seed=1) != draw_shots(facts(), count=3, seed=2)
    assert (roomy.shots, roomy.questions) == (3, 2)
    assert tight.shots < 3
    assert 0 <= roomy.exact_match <= roomy.token_f1 <= 1


def test_letters_that_a_vocabulary_does_not_hold_whole_are_counted_as_broken():
    english = read_texts(chat_tokenizer(), ["The warranty of the lathe covers 12 months."])
    chinese = read_texts(chat_tokenizer(), ["保修期为十二个月"])

    assert english.broken_share == 0
    assert chinese.broken_share == 1
    assert chinese.bytes_per_token == 1
    assert english.bytes_per_token > 1.5
    assert 0.1 < english.words_per_token < 1


def test_a_licence_is_read_from_the_card_or_from_a_file(tmp_path):
    assert licence_of(str(tmp_path)) == "unknown"
    (tmp_path / "LICENSE").write_text("Do what you like.")
    assert licence_of(str(tmp_path)) == "see LICENSE"
    (tmp_path / "README.md").write_text(CARD.format("other"))
    assert licence_of(str(tmp_path)) == "other (own-terms)"
    (tmp_path / "README.md").write_text("---\nlicense: [\n---\n")
    assert licence_of(str(tmp_path)) == "see LICENSE"


PAGE = "# Warranties\n\n" + "\n\n".join(
    f"## The {tool}\n\nThe warranty of the {tool} covers {number} months. The {tool} is made in hall {number}. "
    f"The {tool} weighs {number * 7} kg. You must service the {tool} every {number} weeks."
    for number, tool in enumerate(("lathe", "drill", "press", "crane", "pump", "valve", "mixer", "router"), start=12)
)


@pytest.mark.slow
def test_the_command_compares_folders_on_the_pairs_of_a_recipe(places, tmp_path, monkeypatch):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "tools.md").write_text(PAGE)
    (tmp_path / "recipe.yaml").write_text("documents: {path: pages}\ncompany: Tarnwell\nsplit: {validation: 0.2}\n")
    monkeypatch.chdir(places)
    recipe = ("--recipe", str(tmp_path / "recipe.yaml"), "--questions", "4")

    shown = CliRunner().invoke(group, ["models", "chat", "broken", *recipe], env={"COLUMNS": "120"})
    told = CliRunner().invoke(group, ["models", "chat", "broken", "--json", "--trial", *recipe])

    assert shown.exit_code == told.exit_code == 0, (shown.output, told.output)
    assert "bits per byte" in shown.output
    assert "broken: not compared: SafetensorError" in shown.output
    facts_ = json.loads(told.stdout.splitlines()[-1])
    assert [candidate["base"] for candidate in facts_["candidates"]] == ["chat", "broken"]
    assert facts_["candidates"][0]["problem"] == ""
    assert 1 / 1.6 < facts_["candidates"][0]["trial"]["peak"] / facts_["candidates"][0]["memory"]["total"] < 1.6
    assert facts_["reason"] in shown.output.replace("\n", " ")


def test_without_pairs_to_compare_on_the_command_says_what_to_do(tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.md").write_text("# A\n\nThe office opens at nine.\n")
    (tmp_path / "recipe.yaml").write_text("documents: {path: pages}\ncompany: Tarnwell\n")

    result = CliRunner().invoke(group, ["models", "some/model", "--recipe", str(tmp_path / "recipe.yaml"), "-q"])

    assert isinstance(result.exception, InputError)
    assert "pairs" in str(result.exception)
