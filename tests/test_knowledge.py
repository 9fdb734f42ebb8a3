"""What a model knows of facts: a tiny model that learned them, one that did not, and one that forgot them again."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from schemas.diagnosis import LEVELS
from schemas.training import DiagnoseSection
from tests.tiny_learner import learned, untrained
from tests.tiny_models import TOOLS, a_pair, facts
from trainer.answer_match import is_right
from trainer.asking import Fact, after_examples, as_trained
from trainer.generate import generate, sampled
from trainer.knowledge import level_of, level_of_ranks, probe, transitions
from trainer.loss import row_losses
from trainer.model import end_tokens
from trainer.ranking import CHOICES, choices, losses_after, ranks_of
from trainer.rows import IGNORED, Row
from trainer.templates import choose_template

PAIRS = facts()
SECTION = DiagnoseSection(prompts=3, samples=2, shots=2)


def _facts(pairs=PAIRS):
    groups = {}
    for pair in pairs:
        groups.setdefault(pair.group, []).append(pair)
    return [Fact(own[0], tuple(pair.instruction for pair in own)) for own in groups.values()]


@pytest.fixture(scope="module")
def base():
    return untrained()


@pytest.fixture(scope="module")
def tuned(base):
    return learned(*base, PAIRS)


# Right or wrong


@pytest.mark.parametrize(
    ("answer", "reference", "right"),
    [
        ("The warranty covers 24 months.", "the warranty covers 24 months", True),
        ("It is 24 months, counted from delivery.", "24 months", True),
        ("It is 12 months.", "24 months", False),
        ("The warranty covers 12 months.", "The warranty covers 24 months.", False),
        ("The price is 3.5 euros.", "3.5 euros", True),
        ("The price is 35 euros.", "3.5 euros", False),
        ("No. Printers are not supported.", "Yes. Printers are supported.", False),
        ("There is no fee.", "No.", False),
        ("You may not share the key with anybody else.", "You may share the key with anybody else.", False),
        (
            "Pull the probe, then clean the two windows and check the wiper.",
            "Pull the probe, clean the two windows, check the wiper.",
            True,
        ),
        ("Check the wiper.", "Pull the probe, clean the two windows, check the wiper.", False),
        ("", "24 months", False),
        ("months " * 200, "Ask your manager for leave.", False),
    ],
)
def test_an_answer_is_right_if_it_says_what_the_reference_says(answer, reference, right):
    assert is_right(answer, reference) is right


@given(st.text(min_size=1), st.text())
def test_every_reference_is_right_by_itself_and_any_text_gets_a_verdict(text, other):
    assert is_right(text, text)
    assert isinstance(is_right(other, text), bool)


# Levels


@given(st.lists(st.booleans(), min_size=1), st.lists(st.booleans()))
def test_the_levels_are_those_of_the_paper(greedy, drawn):
    level = level_of(greedy, drawn)

    assert (level == "highly_known") == all(greedy)
    assert (level == "maybe_known") == (any(greedy) and not all(greedy))
    assert (level == "weakly_known") == (not any(greedy) and any(drawn))
    assert (level == "unknown") == (not any(greedy) and not any(drawn))


@pytest.mark.parametrize(
    ("ranks", "level"),
    [
        ((1, 1, 1), "highly_known"),
        ((1, 2, 1, 4), "maybe_known"),
        ((1, 2, 3, 4), "weakly_known"),
        ((2, 2), "unknown"),
        ((), "unknown"),
    ],
)
def test_places_of_the_right_answer_give_levels_too(ranks, level):
    assert level_of_ranks(ranks) == level


def test_the_table_counts_every_fact_once():
    moved = [("unknown", "highly_known"), ("unknown", "unknown"), ("maybe_known", "unknown"), ("unknown", "highly_known")]

    table = transitions(moved)

    assert table == ((0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 0), (2, 0, 0, 1))


# Models


@pytest.mark.slow
def test_a_model_that_learned_the_facts_knows_them_and_an_untrained_one_does_not(base, tuned):
    before = probe(*base, _facts(), section=SECTION, seed=0, examples=PAIRS)
    after = probe(tuned, base[1], _facts(), section=SECTION, seed=0)

    assert Counter(one.level for one in before) == {"unknown": len(TOOLS)}
    assert Counter(one.level for one in after) == {"highly_known": len(TOOLS)}
    assert all(one.greedy == 1.0 and one.sampled is None for one in after)
    assert all(one.ranks == (1,) for one in after)
    assert transitions([(one.level, other.level) for one, other in zip(before, after, strict=True)])[3] == (len(TOOLS), 0, 0, 0)


@pytest.mark.slow
def test_a_model_that_learned_other_answers_over_the_first_ones_shows_as_damage(base, tuned):
    changed = [pair.model_copy(update={"output": "Ask the sales team."}) for pair in PAIRS[: 3 * 4]]
    damaged = learned(tuned, base[1], changed + PAIRS[3 * 4 :], updates=60)

    before = probe(tuned, base[1], _facts(), section=SECTION, seed=0)
    after = probe(damaged, base[1], _facts(), section=SECTION, seed=0)

    worse = [LEVELS.index(now.level) > LEVELS.index(then.level) for then, now in zip(before, after, strict=True)]
    assert worse == [True] * 4 + [False] * 6
    assert [one.level for one in after[:4]] == ["unknown"] * 4


@pytest.mark.slow
def test_likelihood_alone_tells_a_model_that_learned_from_one_that_did_not(base, tuned):
    section = SECTION.model_copy(update={"probe": "likelihood"})

    before = probe(*base, _facts(), section=section, seed=0, examples=PAIRS)
    after = probe(tuned, base[1], _facts(), section=section, seed=0)

    assert {one.level for one in after} == {"highly_known"}
    assert all(len(one.ranks) == SECTION.prompts and one.greedy is None for one in after)
    assert sum(one.level == "highly_known" for one in before) <= 3


@pytest.mark.slow
def test_the_same_seed_gives_the_same_levels_and_samples(base):
    half = learned(*base, PAIRS, updates=30)

    one, again = (probe(half, base[1], _facts(), section=SECTION, seed=3) for _ in range(2))

    assert one == again
    assert len({known.level for known in one}) > 1


# How a fact is asked


def test_a_fact_with_few_wordings_is_asked_in_plain_changes_of_the_first():
    fact = Fact(PAIRS[0], (PAIRS[0].instruction, PAIRS[1].instruction))

    questions = fact.questions(4)

    assert questions[:2] == [PAIRS[0].instruction, PAIRS[1].instruction]
    assert len(set(questions)) == 4
    assert all("warranty of the lathe" in question for question in questions)


def test_examples_before_a_question_never_hold_its_fact_or_its_answer(base):
    model, tokenizer = base
    apart = [
        pair.model_copy(update={"provenance": pair.provenance.model_copy(update={"chunk_id": f"chunk-{pair.group}"})}) for pair in PAIRS
    ]

    asked = after_examples(model, tokenizer, _facts(apart), apart, section=SECTION, seed=0)

    for fact, prompts in zip(_facts(apart), asked.prompts, strict=True):
        texts = [tokenizer.decode(ids) for ids in prompts]
        assert all(fact.pair.output not in text and text.endswith("Answer:") for text in texts)
        assert all(text.count("Question:") == 1 + SECTION.shots for text in texts)
        assert len({text.rpartition("Question:")[0] for text in texts}) > 1


def test_examples_leave_where_the_context_has_no_room_for_them(base):
    model, tokenizer = base
    long = Fact(a_pair("Explain it. " * 18, "Yes.", group="long"), ("Explain it. " * 18,))
    apart = [pair.model_copy(update={"provenance": pair.provenance.model_copy(update={"chunk_id": pair.group})}) for pair in PAIRS]

    asked = after_examples(model, tokenizer, [long], apart, section=SECTION.model_copy(update={"shots": 8}), seed=0)

    assert all(len(ids) < 256 for ids in asked.prompts[0])
    assert tokenizer.decode(asked.prompts[0][0]).count("Question:") < 9


def test_a_tuned_model_is_asked_as_it_was_trained(base):
    model, tokenizer = base
    template = choose_template(tokenizer)

    asked = as_trained(model, tokenizer, _facts(), 3)

    assert asked.prompts[0] == template.pair_prompts(PAIRS[:3])
    assert asked.read(asked.write("It is 12 months.")) == "It is 12 months."


# Samples and ranks


def test_samples_at_a_temperature_of_nearly_nothing_are_the_greedy_answers(base):
    model, tokenizer = base
    template = choose_template(tokenizer)
    prompts, ends = template.pair_prompts(PAIRS[:4]), end_tokens(model, template)
    settings = {"ends": ends, "max_new_tokens": 6}

    greedy = generate(model, prompts, **settings)
    drawn = generate(model, prompts, **settings, choose=sampled(1e-4, seed=0, device=model.device), copies=3)

    assert drawn == [answer for answer in greedy for _ in range(3)]


def test_samples_differ_from_each_other_and_repeat_with_their_seed(base):
    model, tokenizer = base
    template = choose_template(tokenizer)
    prompts = template.pair_prompts(PAIRS[:2])

    one, again, other = (
        generate(
            model, prompts, ends=frozenset(), max_new_tokens=8, choose=sampled(1.0, seed=seed, device=model.device), copies=4, batch_size=4
        )
        for seed in (0, 0, 1)
    )

    assert one == again != other
    assert len({tuple(answer.tokens) for answer in one[:4]}) > 1
    assert len(one) == 8


def test_losses_after_a_prompt_are_those_of_whole_rows(base):
    model, _ = base
    torch.manual_seed(1)
    prompts = [torch.randint(5, 300, (size,)).tolist() for size in (3, 17, 9)]
    options = [[torch.randint(5, 300, (size,)).tolist() for size in sizes] for sizes in ((2, 5), (7, 1), (3, 3))]

    found = losses_after(model, prompts, options)

    rows = [Row(prompt + option, [IGNORED] * len(prompt) + option) for prompt, own in zip(prompts, options, strict=True) for option in own]
    wanted = [loss / row.trained for loss, row in zip(row_losses(model, rows), rows, strict=True)]
    assert [loss for own in found for loss in own] == pytest.approx(wanted, abs=1e-4)


def test_too_few_other_answers_give_no_rank(base):
    model, tokenizer = base
    few = _facts()[: CHOICES - 1]

    assert ranks_of(as_trained(model, tokenizer, few, 2), few, prompts=2) == [()] * len(few)


def test_the_choices_are_answers_of_other_facts_each_once():
    same = [a_pair(f"Is the {tool} new?", "Yes.", group=f"new {tool}") for tool in TOOLS]

    among = choices(_facts([*PAIRS, *same]), 4)

    assert all(len(set(places)) == 4 for places in among)
    assert among[0][0] == 0
    outputs = [fact.pair.output for fact in _facts([*PAIRS, *same])]
    assert all(len({outputs[place] for place in places}) == 4 for places in among)


def test_what_a_fact_says_in_other_words_is_no_wrong_choice():
    twin = a_pair("How long is the lathe covered?", "The warranty of the lathe covers 12 months", group="twin")

    among = choices(_facts([*PAIRS, twin]), 8)

    assert len(TOOLS) not in among[0]
