"""Classification is just a task: pairs whose responses are labels train, stop and are scored like any other."""

import pytest

from schemas.training import EvaluateSection, TrainSection
from tests.tiny_models import TEXTS, TOOLS, a_pair, chat_tokenizer, ignore, saved
from trainer.evaluate import evaluate
from trainer.sft import train

pytestmark = pytest.mark.slow
ASK = "Which department handles this ticket: sales, repair or billing?"
TICKETS = {
    "sales": "I want to buy the {}. What does a new {} cost?",
    "repair": "The {} is broken and does not start. Please mend the {}.",
    "billing": "The invoice for the {} is wrong. I was charged twice for the {}.",
}


def _labelled(tools):
    return [
        a_pair(ASK, label, input=ticket.format(tool, tool), group=f"{label}/{tool}", task="classify")
        for tool in tools
        for label, ticket in TICKETS.items()
    ]


def test_labels_are_learnt_and_told_apart_on_tickets_about_other_things(tmp_path):
    train_pairs, held_out = _labelled(TOOLS[:7]), _labelled(TOOLS[7:])
    base = saved(tmp_path / "base", "llama", chat_tokenizer())
    section = TrainSection(epochs=20, batch_tokens=512, learning_rate=1e-2)

    figures = train(train_pairs, [], TEXTS, base=base, section=section, seed=0, folder=tmp_path / "tuned", progress=ignore)
    models = {"base": base, "tuned": tmp_path / "tuned"}
    tables, answers = evaluate({"test": held_out}, models=models, section=EvaluateSection(), progress=ignore)

    task = tables["sets"]["test"]["tasks"]["classify"]
    assert figures["stop_rate"] == 1
    assert task["base"]["exact_match"] == 0
    assert task["tuned"]["exact_match"] > 0.8
    assert task["tuned"]["stop_rate"] == 1
    assert {answer["answers"]["tuned"] for answer in answers} <= set(TICKETS)
    assert tables["max_new_tokens"] <= 12
