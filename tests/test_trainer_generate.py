"""Greedy answers, losses of rows, and the optimizer, on tiny random models."""

import math

import pytest
import torch
from torch.nn import functional

from schemas.errors import InputError
from tests.tiny_models import chat_tokenizer, facts, tiny_model
from trainer.after import relative_change, sample_weights
from trainer.generate import generate
from trainer.loss import mean_loss, row_losses
from trainer.optimizer import MuonAdamW, make_optimizer, orthogonalize
from trainer.rows import IGNORED, pair_rows
from trainer.settings import resolve
from trainer.templates import choose_template


@pytest.fixture(scope="module", params=["llama", "qwen3", "gpt_neox"])
def model(request):
    # Sharper weights than usual: the answers of a tiny random model must differ from each other.
    return tiny_model(request.param, chat_tokenizer(), initializer_range=0.5)


@pytest.fixture(scope="module")
def template():
    return choose_template(chat_tokenizer())


def test_answers_in_a_batch_equal_answers_one_by_one(model, template):
    prompts = template.prompts([(pair.instruction, "") for pair in facts()[:6]] + [("Why?", "a longer input " * 9)])
    ends = frozenset({template.end, *range(20, 60)})

    together = generate(model, prompts, ends=ends, max_new_tokens=24, batch_size=7)
    alone = [generate(model, [prompt], ends=ends, max_new_tokens=24)[0] for prompt in prompts]

    assert together == alone
    assert len({answer.stopped for answer in together}) + len({len(answer.tokens) for answer in together}) > 2


def test_answers_equal_those_of_transformers(model, template):
    (prompt,) = template.prompts([("How long is the warranty?", "")])

    (ours,) = generate(model, [prompt], ends=frozenset({template.end}), max_new_tokens=12)

    theirs = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=12, pad_token_id=0)[0, len(prompt) :].tolist()
    assert ours.tokens == [token for token in theirs if token != template.end][: len(ours.tokens)]


def test_an_answer_ends_with_the_models_context_and_a_longer_question_is_refused(model, template):
    (answer,) = generate(model, [[7] * 250], ends=frozenset(), max_new_tokens=50)

    assert len(answer.tokens) == 6
    assert not answer.stopped
    with pytest.raises(InputError, match="reads at most 256"):
        generate(model, [[7] * 256], ends=frozenset(), max_new_tokens=5)


def test_an_answer_ends_with_the_context_of_its_own_question_and_not_of_the_longest_in_its_batch(model):
    prompts = [[7] * 9, [7] * 250]

    short, long = generate(model, prompts, ends=frozenset(), max_new_tokens=24)
    copies = generate(model, prompts, ends=frozenset(), max_new_tokens=24, copies=2)

    assert short == generate(model, prompts[:1], ends=frozenset(), max_new_tokens=24)[0]
    assert (len(short.tokens), len(long.tokens)) == (24, 6)
    assert [len(answer.tokens) for answer in copies] == [24, 24, 6, 6]


def test_the_loss_of_a_row_does_not_depend_on_its_company(model, template):
    """P65."""
    rows = pair_rows(facts()[:9], template)

    together = row_losses(model, rows)

    assert together == pytest.approx([row_losses(model, [row])[0] for row in rows], rel=1e-4)
    assert mean_loss(model, rows) == pytest.approx(sum(together) / sum(row.trained for row in rows), rel=1e-4)


def test_the_loss_is_the_cross_entropy_of_the_trained_tokens(model, template):
    (row,) = pair_rows(facts()[:1], template)

    logits = model(input_ids=torch.tensor([row.input_ids])).logits[0, :-1].detach()

    expected = functional.cross_entropy(logits, torch.tensor(row.labels[1:]), ignore_index=IGNORED, reduction="sum")
    assert row_losses(model, [row])[0] == pytest.approx(float(expected), rel=1e-4)


def test_orthogonalized_matrices_have_singular_values_near_one():
    torch.manual_seed(0)

    for shape in ((3, 24, 24), (2, 64, 24), (2, 24, 64)):
        values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
        assert values.min() > 0.1
        assert values.max() < 1.5


def test_muon_gets_the_matrices_and_adamw_the_tables_and_norms():
    model = tiny_model("llama", chat_tokenizer(), tie_word_embeddings=True)

    optimizer = make_optimizer(model, lr=0.02)

    muon, adamw = optimizer.param_groups
    assert all(weight.ndim == 2 for weight in muon["params"])
    assert any(weight is model.get_input_embeddings().weight for weight in adamw["params"])
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    assert adamw["lr"] == pytest.approx(0.005)


def test_the_optimizer_goes_on_from_its_state_as_if_never_stopped():
    def steps(weights, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            sum((weight**2).sum() * (index + 1) for index, weight in enumerate(weights)).backward()
            optimizer.step()

    def fresh():
        torch.manual_seed(0)
        weights = [torch.randn(8, 4, requires_grad=True), torch.randn(6, requires_grad=True)]
        return weights, MuonAdamW([{"params": weights[:1], "muon": True}, {"params": weights[1:]}], lr=0.05)

    whole, optimizer = fresh()
    steps(whole, optimizer, 6)
    halves, first = fresh()
    steps(halves, first, 3)
    second = fresh()[1]
    second.param_groups[0]["params"], second.param_groups[1]["params"] = halves[:1], halves[1:]
    second.load_state_dict(first.state_dict())
    steps(halves, second, 3)

    assert all(torch.equal(one, other) for one, other in zip(whole, halves, strict=True))


def test_the_change_of_the_weights_is_relative():
    model = tiny_model("llama", chat_tokenizer())
    before = sample_weights(model)

    assert relative_change(before, model) == 0
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.1)
    assert relative_change(before, model) == pytest.approx(0.1, rel=1e-3)


def test_automatic_settings_follow_method_size_and_kind_of_base():
    from schemas.training import TrainSection

    auto, lora = TrainSection(), TrainSection(method="lora")

    assert resolve(auto, embedded=True, parameters=10**6).optimizer == "muon"
    assert resolve(auto, embedded=True, parameters=10**6).tokens is not None
    assert resolve(auto, embedded=False, parameters=2 * 10**9).learning_rate == pytest.approx(2e-5)
    assert resolve(lora, embedded=False, parameters=2 * 10**9).learning_rate == pytest.approx(2e-4)
    assert resolve(TrainSection(learning_rate=0.1, raw_text=0.5), embedded=False, parameters=1).learning_rate == pytest.approx(0.1)
    assert resolve(TrainSection(raw_text=0.5), embedded=True, parameters=1).raw_text == pytest.approx(0.5)
    assert math.isclose(resolve(auto, embedded=False, parameters=1).word_drop, 0.0)
