"""`train.input_share`: how many of the later passes a pair with an input takes part in."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas.training import TrainSection
from tests.tiny_models import TEXTS, a_pair, chat_tokenizer, facts, ignore, saved
from trainer.plan import taking_part
from trainer.rows import pair_rows
from trainer.settings import resolve
from trainer.sft import train
from trainer.templates import choose_template

PASSES = 12


@given(some.lists(some.booleans(), min_size=1, max_size=40), some.floats(0, 1))
def test_pairs_with_an_input_take_turns_after_a_whole_first_pass(inputs: list[bool], share: float):
    passes = [taking_part(inputs, share, number) for number in range(PASSES)]

    assert passes[0] == list(range(len(inputs)))
    for place, has_input in enumerate(inputs):
        times = sum(place in taken for taken in passes[1:])
        assert times == PASSES - 1 if not has_input else abs(times - share * (PASSES - 1)) < 1 + 1e-6
    for taken in passes[1:]:
        assert taken == sorted(taken)
        assert abs(sum(inputs[place] for place in taken) - share * sum(inputs)) < 1 + 1e-6


def test_it_is_a_third_for_the_embedded_base_and_all_for_others_unless_said():
    auto, told = TrainSection(), TrainSection(input_share=0.5)

    assert resolve(auto, embedded=True, parameters=1).input_share == pytest.approx(1 / 3)
    assert [resolve(auto, embedded=False, parameters=1).input_share, resolve(told, embedded=True, parameters=1).input_share] == [1, 0.5]


@pytest.mark.slow
@pytest.mark.parametrize("word_drop", [0.0, 0.5])
def test_training_leaves_out_those_whose_turn_it_is_not(tmp_path, word_drop):
    tokenizer = chat_tokenizer()
    base = saved(tmp_path / "base", "llama", tokenizer)
    reading = [a_pair(f"What is meant in text {number}?", "The saw.", input=TEXTS[0], group=str(number)) for number in range(6)]
    section = TrainSection(epochs=7, batch_tokens=256, learning_rate=1e-2, word_drop=word_drop, input_share=0.5)

    figures = train([*facts(), *reading], [], [], base=base, section=section, seed=0, folder=tmp_path / "run", progress=ignore)

    asked, read = (sum(map(len, pair_rows(pairs, choose_template(tokenizer)))) for pairs in (facts(), reading))
    expected = 7 * asked + (1 + 6 * 0.5) * read
    assert 0.8 * expected < figures["tokens"] <= 1.02 * expected
    assert figures["input_share"] == pytest.approx(0.5)
    assert figures["passes"] == pytest.approx(7)
