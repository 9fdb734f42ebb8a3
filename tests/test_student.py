"""The student signal: losses as torch computes them, what the choice makes of them, and runs and files that go by it."""

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.curation.student import likeliest_first, scored
from builder.dedup import dedup
from schemas.errors import InputError
from schemas.records import Dropped, Reason
from tests.tiny_models import a_pair, chat_tokenizer, facts, plain_tokenizer, saved, thinking_tokenizer
from trainer.model import load
from trainer.student import Signal, Student
from trainer.templates import choose_template

RIVALS = ("It is lit every evening.", "Somebody lights it each evening.", "Each evening its lamp burns.")


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    return saved(tmp_path_factory.mktemp("base"), "llama", chat_tokenizer())


def by_hand(base, before, response):
    """The mean loss of the tokens of a response behind others, one row at a time."""
    model, _ = load(base)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([before + response], device=model.device)).logits[0, len(before) - 1 : -1]
    return torch.nn.functional.cross_entropy(logits.float().cpu(), torch.tensor(response)).item()


@pytest.mark.parametrize("tokenizer", [chat_tokenizer, plain_tokenizer, thinking_tokenizer])
def test_the_losses_are_those_of_the_response_behind_its_prompt_and_behind_nothing(tmp_path, tokenizer):
    folder = saved(tmp_path, "llama", tokenizer())
    template = choose_template(load(folder)[1])
    pair = a_pair("How long is the warranty?", "  It covers 12 months. ", input="the lathe")

    (signal,) = Student(folder)([pair])

    lead = template.completions([""])[0][:-1]
    response = template.encode(["It covers 12 months."])[0]
    assert signal is not None
    assert signal.given == pytest.approx(by_hand(folder, [*template.pair_prompts([pair])[0], *lead], response), abs=1e-4)
    assert signal.alone == pytest.approx(by_hand(folder, [template.tokenizer.eos_token_id], response), abs=1e-4)
    assert signal.ifd == pytest.approx(signal.given / signal.alone, abs=1e-5)


def test_neither_the_order_of_the_pairs_nor_what_stands_beside_one_changes_its_signal(base):
    pairs = facts()
    shuffled = random.Random(3).sample(pairs, len(pairs))

    whole = dict(zip([pair.id for pair in pairs], Student(base)(pairs), strict=True))
    other = dict(zip([pair.id for pair in shuffled], Student(base)(shuffled), strict=True))
    single = Student(base)
    alone = {pair.id: single([pair])[0] for pair in pairs[:6]}

    assert whole == other
    assert all(signal.given == pytest.approx(whole[name].given, abs=2e-5) for name, signal in alone.items())


def test_what_the_base_cannot_read_has_no_signal_and_others_are_scored(base):
    pairs = [a_pair("Long?", "It is 12 months. " * 60), a_pair("Short?", "Yes."), a_pair("Blank?", " ")]

    signals = Student(base)(pairs)

    assert [signal is None for signal in signals] == [True, False, True]
    after = scored(pairs, Student(base), by="ifd")
    assert [set(pair.scores) for pair in after] == [set(), {"student", "student/given", "student/alone", "student/ifd"}, set()]


def test_a_base_that_is_not_there_is_named():
    with pytest.raises(InputError, match="cannot load the model nowhere"):
        Student("nowhere")(facts()[:1])


def test_a_base_that_has_learned_the_answers_finds_them_likelier_than_others_of_the_kind(tmp_path):
    folder = saved(tmp_path, "llama", chat_tokenizer())
    model, tokenizer = load(folder)
    from trainer.loss import pad_right
    from trainer.rows import pair_rows

    pairs = facts()
    rows = pair_rows(pairs, choose_template(tokenizer))
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-2)
    ids, labels = pad_right(rows, model.device)
    for _ in range(60):
        optimizer.zero_grad()
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    swapped = [
        one.model_copy(update={"id": f"{one.id}x", "output": two.output}) for one, two in zip(pairs, pairs[3:] + pairs[:3], strict=True)
    ]

    student = Student(folder)

    right, wrong = student(pairs), student(swapped)
    assert sum(one.given < two.given for one, two in zip(right, wrong, strict=True)) >= 0.95 * len(pairs)
    assert sum(one.ifd < two.ifd for one, two in zip(right, wrong, strict=True)) >= 0.95 * len(pairs)


class Told:
    """A student that was told the losses, by response."""

    def __init__(self, **losses):
        self.losses, self.seen = losses, []

    def __call__(self, pairs):
        self.seen += pairs
        return [Signal(self.losses[pair.output], 2.0) if pair.output in self.losses else None for pair in pairs]


def test_ifd_prefers_what_is_hard_but_not_what_the_question_does_not_lead_to():
    pairs = [a_pair(f"q{name}", name) for name in ("easy", "hard", "unled", "none")]

    after = scored(pairs, Told(easy=0.5, hard=1.9, unled=2.5), by="ifd")
    likely = scored(pairs, Told(easy=0.5, hard=1.9, unled=2.5), by="likelihood")

    assert [pair.scores.get("student") for pair in after] == [0.25, 0.95, 0.0, None]
    assert [pair.scores.get("student/ifd") for pair in after] == [0.25, 0.95, 1.25, None]
    assert [pair.scores.get("student") for pair in likely] == [-0.5, -1.9, -2.5, None]


def answers(outputs, *, question="How is the tower lit?", groups=None, grounding="none"):
    named = groups or [f"g{number}" for number, _ in enumerate(outputs)]
    return [
        a_pair(question, output, group=group).model_copy(update={"grounding": grounding})
        for output, group in zip(outputs, named, strict=True)
    ]


def kept_of(pairs, student, **settings):
    quality = likeliest_first(pairs, student, **settings)
    return [record for record in dedup(pairs, threshold=0.7, quality=quality) if not isinstance(record, Dropped)]


@pytest.mark.parametrize("groups", [None, ["one"] * 3])
@pytest.mark.parametrize("likeliest", range(3))
def test_of_several_answers_to_one_question_the_likeliest_is_kept(likeliest, groups):
    losses = {output: 1.0 if number == likeliest else 2.0 + number for number, output in enumerate(RIVALS)}
    pairs = [*answers(RIVALS, groups=groups), a_pair("Who built the mill?", "Two brothers.", group="other")]
    student = Told(**losses)

    kept = kept_of(pairs, student)

    assert [pair.output for pair in kept] == [RIVALS[likeliest], "Two brothers."]
    assert "Two brothers." not in {pair.output for pair in student.seen}  # one answer is no choice


def test_the_other_wordings_of_a_fact_come_along_with_the_likeliest_answer():
    one, other, _ = answers(RIVALS)
    pairs = [
        one,
        a_pair("Name the hours of the tower.", RIVALS[0], group="g0"),
        other,
        a_pair("When does its lamp burn?", RIVALS[1], group="g1"),
    ]

    kept = kept_of(pairs, Told(**{RIVALS[0]: 3.0, RIVALS[1]: 1.0}))

    assert {pair.output for pair in kept} == {RIVALS[1]}
    assert len(kept) == 2


def test_answers_that_contradict_each_other_are_a_conflict_and_no_choice():
    pairs = answers(["It is lit for 4 hours.", "It is lit for 9 hours."], grounding="quoted")
    student = Told(**{"It is lit for 4 hours.": 3.0, "It is lit for 9 hours.": 1.0})

    first, second = dedup(pairs, threshold=0.7, quality=likeliest_first(pairs, student))

    assert first.output == "It is lit for 4 hours."
    assert isinstance(second, Dropped)
    assert second.reason is Reason.CONFLICT
    assert student.seen == []


def test_what_has_one_answer_keeps_the_order_of_its_quality():
    pairs = [a_pair(f"What is kept in barn {number}?", f"Straw {number}.", group=f"g{number}") for number in range(5)]
    rated = {pair.id: float(number) for number, pair in enumerate(pairs)}

    as_they_come = likeliest_first(pairs, Told())
    by_rating = likeliest_first(pairs, Told(), quality=lambda pair: rated[pair.id])

    assert sorted(pairs, key=as_they_come, reverse=True) == pairs
    assert sorted(pairs, key=by_rating, reverse=True) == pairs[::-1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 3)), max_size=14), st.integers(0, 99))
def test_every_pair_has_a_rank_of_its_own_and_no_loss_is_worse_than_of_an_answer_that_is_dropped_for_it(made, seed):
    pairs = list(
        {pair.id: pair for pair in (a_pair(f"Question {q}?", f"Tale of {r} {r} hares", group=f"g{g}") for q, r, g in made)}.values()
    )
    pairs = [pair.model_copy(update={"grounding": "none"}) for pair in pairs]
    dice = random.Random(seed)
    losses = {pair.output: dice.random() for pair in pairs}

    quality = likeliest_first(pairs, Told(**losses))

    assert len({quality(pair) for pair in pairs}) == len(pairs)
    assert [record.id for record in dedup(pairs, threshold=0.7, quality=quality)] == [pair.id for pair in pairs]
