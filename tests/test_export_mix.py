"""Mixed GGUF files: what rounding does is measured as it is, the matrices that cost answers are kept, and only a file that passes takes the place."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader, quants
from transformers import LlamaConfig, Qwen3Config

from builder.mixed_gguf import measured_noise, mixed_note, with_mixed
from builder.served_gguf import Held, held, write_proved
from tests.gguf_kinds import TOKENIZERS, saved_model
from tests.tiny_models import TOOLS
from trainer.export.gguf_file import Tuned, write_gguf
from trainer.export.gguf_mix import BYTES, kept_finer, rounded, rounding_noise, share_for
from trainer.generate import generate
from trainer.templates import choose_template

ROWS = [([5, 9, 11, 40, 7], [60, 61, 2]), ([8, 9], [70, 12, 30, 2]), ([33, 34, 35], [90, 2])]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A tied model of random weights with 80 questions and the first word of its answers."""
    folder = tmp_path_factory.mktemp("model")
    own = TOKENIZERS["smollm"]()
    model = saved_model(folder, LlamaConfig, own, {"tie_word_embeddings": True})
    template = choose_template(own)
    questions = [
        (f"{start} the {tool}{end}", "") for tool in TOOLS for start in ("How long is", "Who sells", "Where is", "What is") for end in "?."
    ]
    given = generate(model, template.prompts(questions), ends=frozenset([template.end]), max_new_tokens=1)
    rows = [
        {"question": question, "input": "", "history": [], "answers": {"tuned": template.decode(one.tokens)}, "reference": "12 months"}
        for (question, _), one in zip(questions, given, strict=True)
    ]
    return Tuned(folder, "tiny", own, (template.end,)), template, held(rows, template, most=1)


def test_eight_bits_round_as_the_file_does():
    numbers = torch.randn(6, 64) * torch.logspace(-3, 3, 6)[:, None]
    numbers[0, :32] = 0

    blocks = quants.quantize(numbers.numpy(), GGMLQuantizationType.Q8_0)

    assert torch.equal(rounded(numbers, "q8_0"), torch.from_numpy(quants.dequantize(blocks, GGMLQuantizationType.Q8_0)))
    assert torch.equal(rounded(numbers, "f16"), numbers.half().float())


def _leads(model: Any) -> list[torch.Tensor]:
    """By row, how far each chosen token is before the next one."""
    found = []
    for prompt, answer in ROWS:
        logits = model(input_ids=torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 :][: len(answer)]
        found.append(logits)
    return found


@pytest.mark.parametrize("form", ["q8_0", "f16"])
@pytest.mark.parametrize(("config", "changes"), [(LlamaConfig, {"tie_word_embeddings": True}), (Qwen3Config, {"head_dim": 32})])
def test_the_noise_of_a_matrix_is_what_its_rounding_does_to_the_narrowest_choice(config: Any, changes: dict, form: str, tmp_path: Path):
    model = saved_model(tmp_path, config, TOKENIZERS["smollm"](), {**changes, "initializer_range": 0.05})
    for weight in model.parameters():
        weight.data += torch.randn_like(weight) * 1e-4  # no weight is a float16
    noise = rounding_noise(model, ROWS, form)
    with torch.no_grad():
        exact = _leads(model)
        for name, module in model.named_modules():
            if not name.endswith(("down_proj", "v_proj")):
                continue
            kept = module.weight.data.clone()
            hook = module.register_forward_pre_hook(lambda _, given: (rounded(given[0], form),))
            module.weight.data = rounded(kept, form)
            moved = [_moved(one, other) for one, other in zip(exact, _leads(model), strict=True)]
            module.weight.data = kept
            hook.remove()
            assert noise[f"{name}.weight"] == pytest.approx(sum(one**2 for one in moved) / len(moved), rel=0.3)

    assert len(noise) == len([one for one in model.parameters() if one.ndim == 2])


def _moved(exact: torch.Tensor, rounded: torch.Tensor) -> float:
    """How far the lead moved where it was narrowest."""
    values, tokens = exact.double().topk(2)
    place = int((values[:, 0] - values[:, 1]).argmin())
    first, second = tokens[place]
    return float((rounded[place, first] - rounded[place, second]).double() - (exact[place, first] - exact[place, second]).double())


def test_an_answer_of_no_words_and_a_row_that_eight_bits_do_not_fit_are_left_out(tmp_path: Path):
    model = saved_model(tmp_path, LlamaConfig, TOKENIZERS["smollm"](), {"intermediate_size": 100})

    noise = rounding_noise(model, [*ROWS, ([4, 5], [])], "q8_0")

    assert not any("down_proj" in name for name in noise)
    assert noise == pytest.approx(rounding_noise(model, ROWS, "q8_0"))


def test_the_matrices_that_cost_most_for_their_size_are_kept():
    noise, sizes = {"small": 4.0, "large": 5.0, "quiet": 1.0}, {"small": 10, "large": 100, "quiet": 100}

    assert kept_finer(noise, sizes, "q8_0", share=1.0) == frozenset()
    assert kept_finer(noise, sizes, "q8_0", share=0.6) == {"small"}
    assert kept_finer(noise, sizes, "q8_0", share=0.1) == {"small", "large"}
    assert kept_finer(noise, sizes, "q8_0", share=0.01) is None
    assert kept_finer({}, {}, "q8_0", share=0.5) is None
    assert BYTES["q8_0"] == pytest.approx(1.0625)


def test_as_much_noise_stays_as_the_changed_answers_say():
    assert share_for(0.01, 0.98) == 1
    assert share_for(0.06, 0.98) == pytest.approx((0.6 / 3) ** 2)


def test_named_matrices_are_finer_in_the_file(asked, tmp_path: Path):
    tuned, _, _ = asked
    name = "model.layers.0.mlp.up_proj.weight"

    kinds = {
        form: {tensor.name: tensor.tensor_type for tensor in GGUFReader(write_gguf(tuned, tmp_path / f"{form}.gguf", form, finer={name})).tensors}
        for form in ("q8_0", "f16")
    }  # fmt: skip

    assert kinds["q8_0"]["blk.0.ffn_up.weight"] == GGMLQuantizationType.F16
    assert kinds["q8_0"]["blk.1.ffn_up.weight"] == GGMLQuantizationType.Q8_0
    assert kinds["f16"]["blk.0.ffn_up.weight"] == GGMLQuantizationType.F32
    assert kinds["f16"]["blk.1.ffn_up.weight"] == GGMLQuantizationType.F16


def _mixed(asked: tuple[Tuned, Any, Held], path: Path, expected: float) -> tuple[dict[str, Any], dict[str, Any]]:
    tuned, template, proved_on = asked
    write = partial(write_proved, tuned, form="q8_0", template=template, proved_on=proved_on, converter=None, told=lambda _: None)
    plain = {**write(path), "expected": expected}
    measured = partial(measured_noise, tuned.folder, proved_on, template, "q8_0")
    return plain, with_mixed(path, plain, "q8_0", measured=measured, write=write)


def test_a_file_that_answers_otherwise_too_often_is_written_again_until_it_does_not(asked, tmp_path: Path):
    path = tmp_path / "a.gguf"

    plain, mixed = _mixed(asked, path, 0.97)

    assert plain["answers_equal"] < 0.97 <= mixed["answers_equal"]
    assert plain["bytes"] < mixed["bytes"] == path.stat().st_size < write_gguf(asked[0], tmp_path / "f16.gguf", "f16").stat().st_size
    assert 0 < len(mixed["finer"]) < mixed["matrices"]
    assert mixed["plain"] == {name: plain[name] for name in ("bytes", "answers_equal")}
    assert mixed_note("a.gguf", mixed, "q8_0").startswith(f"a.gguf keeps {len(mixed['finer'])} of 15 matrices in f16: the plain file")
    assert not mixed_note("a.gguf", plain, "q8_0")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.gguf", "f16.gguf"]


def test_the_plain_file_stays_where_no_mix_passes_and_where_none_is_needed(asked, tmp_path: Path):
    path = tmp_path / "a.gguf"

    plain, none = _mixed(asked, path, 1.0)
    enough = with_mixed(path, {**plain, "expected": 0.5}, "q8_0", measured=pytest.fail, write=pytest.fail)  # pyright: ignore[reportArgumentType] - neither is called

    assert none == plain
    assert enough == {**plain, "expected": 0.5}
    assert path.stat().st_size == plain["bytes"]
    assert [one.name for one in tmp_path.iterdir()] == ["a.gguf"]


@pytest.mark.parametrize(("equal", "tries"), [([0.94, 0.965, 0.975], 3), ([0.91, 0.99], 1)])
def test_where_mixes_fall_short_or_rounding_is_not_what_changes_the_answers_the_plain_file_stays(
    equal: list[float], tries: int, tmp_path: Path
):
    file, tried = tmp_path / "a.gguf", []
    file.write_text("plain")

    def write(path: Path, *, finer: frozenset[str]) -> dict[str, Any]:
        path.write_text("mixed")
        tried.append(len(finer))
        return {"answers_equal": equal[len(tried) - 1], "n": 2000}

    noise = {str(number): 2.0**-number for number in range(40)}
    plain = {"answers_equal": 0.9, "expected": 0.98, "n": 2000}
    figures = with_mixed(file, plain, "q8_0", measured=lambda: (noise, dict.fromkeys(noise, 1)), write=write)

    assert figures == plain
    assert len(tried) == len({*tried}) == tries
    assert tried == sorted(tried)
    assert [one.read_text() for one in tmp_path.iterdir()] == ["plain"]


def test_one_answer_more_or_less_of_a_few_does_not_end_the_tries(tmp_path: Path):
    file, equal = tmp_path / "a.gguf", [290 / 297, 295 / 297]
    file.write_text("plain")

    def write(path: Path, *, finer: frozenset[str]) -> dict[str, Any]:
        path.write_text(f"{len(finer)} finer")
        return {"answers_equal": equal.pop(0), "n": 297}

    noise = {str(number): 2.0**-number for number in range(40)}
    plain = {"answers_equal": 291 / 297, "expected": 0.98, "n": 297, "bytes": 5}
    figures = with_mixed(file, plain, "q8_0", measured=lambda: (noise, dict.fromkeys(noise, 1)), write=write)

    assert figures["answers_equal"] == pytest.approx(295 / 297)
    assert file.read_text() == f"{len(figures['finer'])} finer"
