"""`train.prompt_weight` and `train.start_weight`: what a token of a prompt, and the first of a response, count for in the loss."""

import pytest
import torch
from torch.nn import functional

from schemas.training import TrainSection
from tests.tiny_models import chat_tokenizer, facts, tiny_model
from trainer.batches import collate
from trainer.plan import Amount, make_plan
from trainer.rows import IGNORED, Row, pair_rows
from trainer.settings import resolve
from trainer.sft_trainer import Job, build
from trainer.templates import choose_template

WEIGHT = 0.3


@pytest.fixture
def template():
    return choose_template(chat_tokenizer())


def _by_hand(model, rows, weight):
    """Sum what every token of every row costs, a token of the prompt for `weight`; divide by what they weigh."""
    total, weighs = torch.zeros(()), 0.0
    for row in rows:
        scores = functional.log_softmax(model(input_ids=torch.tensor([row.input_ids])).logits[0].float(), dim=-1)
        for place in range(1, len(row)):
            own = 1.0 if row.labels[place] != IGNORED else weight
            total = total - own * scores[place - 1, row.input_ids[place]]
            weighs += own
    return total / weighs


def _trainer(template, folder, weight):
    section = TrainSection(prompt_weight=weight, epochs=1, batch_tokens=256, learning_rate=1e-2)
    rows = pair_rows(facts()[:7], template)
    plan = make_plan(lambda _: rows, [], Amount(1, None, 0.0, 256), seed=0)
    model = tiny_model("llama", template.tokenizer)
    return build(Job(model, template, section, resolve(section, embedded=False, parameters=1), 0, folder), plan, []), plan


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.0, WEIGHT, 1.0])
def test_the_loss_and_its_gradient_are_the_weighted_mean_computed_by_hand(template, tmp_path, weight):
    """P67: without a weight it is the plain cross entropy of the response."""
    trainer, plan = _trainer(template, tmp_path, weight)
    model, batch = trainer.model.eval(), next(iter(trainer.get_train_dataloader()))
    count = trainer._get_num_items_in_batch([batch], torch.device("cpu"))

    ours = trainer.compute_loss(model, batch, num_items_in_batch=count)

    ours.backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    theirs = _by_hand(model, [plan.rows[index] for index in plan.batches[0]], weight)
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    assert all(torch.allclose(one, other.grad, atol=1e-6) for one, other in zip(gradients, model.parameters(), strict=True))


def test_an_update_in_two_pieces_weighs_what_it_weighs_in_one(template):
    """P66: so that accumulated gradients are those of the whole update."""
    rows = [(row.input_ids, row.labels) for row in pair_rows(facts()[:6], template)]
    whole, *parts = (collate(chosen, prompt_weight=WEIGHT) for chosen in (rows, rows[:2], rows[2:]))

    assert float(whole["weights"].sum()) == pytest.approx(sum(float(part["weights"].sum()) for part in parts))
    assert sum(len(part["targets"]) for part in parts) == len(whole["targets"])


def test_raw_text_has_no_prompt_and_padding_no_weight():
    raw, short = Row([5, 6, 7, 8], [IGNORED, 6, 7, 8]), Row([5, 6, 7], [IGNORED, IGNORED, 7], "pair-1")

    batch = collate([(row.input_ids, row.labels) for row in (raw, short)], prompt_weight=WEIGHT)

    assert batch["targets"].tolist() == [6, 7, 8, 6, 7]
    assert batch["weights"].tolist() == pytest.approx([1, 1, 1, WEIGHT, 1])


def test_the_first_token_of_a_response_has_a_weight_of_its_own():
    raw, short = Row([5, 6, 7, 8], [IGNORED, 6, 7, 8]), Row([5, 6, 7, 8], [IGNORED, IGNORED, 7, 8], "pair-1")

    batch = collate([(row.input_ids, row.labels) for row in (raw, short)], start_weight=5.0)
    both = collate([(short.input_ids, short.labels)], prompt_weight=WEIGHT, start_weight=5.0)

    assert batch["targets"].tolist() == [6, 7, 8, 7, 8]
    assert batch["weights"].tolist() == [1, 1, 1, 5, 1]
    assert both["weights"].tolist() == pytest.approx([WEIGHT, 5, 1])


def test_the_embedded_base_weighs_starts_unless_told_otherwise():
    auto, told = TrainSection(), TrainSection(start_weight=2)

    assert resolve(auto, embedded=True, parameters=1).start_weight > 1
    assert resolve(auto, embedded=False, parameters=1).start_weight == 1
    assert [resolve(told, embedded=base, parameters=1).start_weight for base in (True, False)] == [2, 2]


@pytest.mark.slow
def test_a_trained_model_is_another_with_a_prompt_weight(template, tmp_path):
    tuned = []
    for weight in (0.0, WEIGHT, WEIGHT):
        trainer, _ = _trainer(template, tmp_path, weight)
        trainer.train()
        tuned.append([parameter.detach() for parameter in trainer.model.parameters()])

    assert not all(torch.equal(one, other) for one, other in zip(tuned[0], tuned[1], strict=True))
    assert all(torch.equal(one, other) for one, other in zip(tuned[1], tuned[2], strict=True))
