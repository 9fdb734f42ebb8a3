"""`kilopair preview`: exactly what will be trained on, what is wrong with it, in a terminal, as a page and for programs."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.cli.main import group
from builder.preview.page import MOST_ROWS, figures, page
from schemas.errors import InputError, KilopairError
from schemas.training import TrainSection
from tests.tiny_models import a_pair, chat_tokenizer, facts, plain_tokenizer, saved, thinking_tokenizer
from trainer.preview import Wanted, pieces, preview
from trainer.rows import IGNORED, pair_rows
from trainer.templates import choose_template

PAGE = "# Leave\n\n## Carrying over\n\nYou can carry over up to 5 days of annual leave into the next year. It expires on 31 March.\n"
SHARP = a_pair('Was ist <b>fett</b> & "schräg"?\n\t漢字 🙂', "A <script>alert(1)</script> 🙂 of 漢字.")
MAKERS = {"chat": chat_tokenizer, "plain": plain_tokenizer, "thinking": thinking_tokenizer}
texts = st.text(st.characters(codec="utf-8", exclude_characters="<|>"), min_size=1, max_size=40).filter(str.strip)


def _seen(pairs, *, limit=256, wanted=None, section=None, tokenizer=None):
    section = section or TrainSection()
    template = choose_template(tokenizer or chat_tokenizer(), section.template, system=section.system)
    return preview(pairs, template, section, limit=limit, wanted=wanted or Wanted())


_TEMPLATES = {}


@settings(max_examples=40, deadline=None)
@given(texts, texts, st.sampled_from(sorted(MAKERS)))
def test_the_pieces_of_a_row_are_its_text_and_every_token_is_in_one_of_them(question, answer, maker):
    template = _TEMPLATES.setdefault(maker, choose_template(MAKERS[maker]()))
    (row,) = pair_rows([a_pair(question, answer)], template)

    shown = list(pieces(row, template))

    assert [token for piece in shown for token in piece.tokens] == row.input_ids
    assert "".join(piece.text for piece in shown) == template.tokenizer.decode(row.input_ids, clean_up_tokenization_spaces=False)
    assert [token for piece in shown if piece.trained for token in piece.tokens] == [label for label in row.labels if label != IGNORED]


def test_what_is_shown_is_the_prompt_and_the_response_as_they_are_trained():
    seen = _seen([SHARP], wanted=Wanted(ids=(SHARP.id,)))

    (shown,) = seen.shown
    assert shown.text() == seen.template.prompt_text(SHARP.instruction) + SHARP.output + "<|end|>"
    assert "".join(piece.text for piece in shown.pieces if piece.trained) == SHARP.output + "<|end|>"
    assert shown.sheet.tail[-1] == "<|end|>"
    assert {piece.text for piece in shown.pieces if piece.control} == {"<|user|>", "<|end|>", "<|assistant|>"}
    assert "🙂" in {piece.text.strip() for piece in shown.pieces}


def test_rows_are_shown_from_the_shortest_to_the_longest():
    pairs = [a_pair(f"Question {number}?", "word " * number) for number in range(1, 30)]

    lengths = [shown.sheet.tokens for shown in _seen(pairs).shown]

    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (min(_all(pairs)), max(_all(pairs)))


def _all(pairs):
    return [sheet.tokens for sheet in _seen(pairs).sheets]


def test_the_figures_tell_lengths_padding_and_that_every_row_ends():
    validation = a_pair("Is it so?", "It is.").model_copy(update={"split": "validation"})
    test = a_pair("And so?", "No.").model_copy(update={"split": "test"})

    told = figures(_seen([*facts(), validation, test]))

    assert (told["train"], told["validation"]) == (len(facts()), 1)
    assert told["ended"] == len(facts()) + 1
    assert told["shortest"] <= told["median"] <= told["p95"] <= told["longest"]
    assert 0 < told["trained_share"] < 1
    assert 0 <= told["padded_share"] < 0.3
    assert told["updates_per_pass"] >= 1
    assert (told["truncated"], told["too_long"]) == (0, 0)


def test_every_problem_is_listed_and_the_other_rows_are_shown():
    """P1, P21, P35, P37, P74: the preview never stops at the first."""
    long, control = a_pair("All?", "word " * 300), a_pair("Why?", "Because <|user|>.")
    twin = facts()[0].model_copy(update={"split": "validation"})
    blank = a_pair("Who?", "x").model_copy(update={"output": " "})
    broken = a_pair("How?", "So.").model_copy(update={"instruction": "How \ud83d?"})

    seen = _seen([*facts(), long, control, twin, blank, broken])

    found = {problem.what: problem.pairs for problem in seen.problems}
    assert found == {
        "half of a surrogate pair (no character)": (broken.id,),
        "a blank response": (blank.id,),
        "control tokens of the model": (control.id,),
        "a training question asked again": (twin.id,),
        "more than 256 tokens": (f"{long.id} ({next(sheet.tokens for sheet in seen.sheets if sheet.pair_id == long.id)})",),
    }
    assert len(seen.sheets) >= len(facts())


def test_what_should_be_known_is_noted():
    """P51, P52: what a template adds by itself is told, not found out afterwards."""
    assert any("closes its thinking block" in note for note in _seen(facts(), tokenizer=thinking_tokenizer()).notes)
    dated = chat_tokenizer()
    dated.chat_template = "{{ '<|system|>You are a model. Today is ' + strftime_now('%d') + '<|end|>' }}" + dated.chat_template
    notes = " ".join(_seen(facts(), tokenizer=dated).notes)
    assert "always that of 26 July 2024" in notes
    assert "a system turn of its own" in notes


def test_no_pair_at_all_or_an_unknown_id_is_an_error():
    with pytest.raises(InputError, match="no pairs to preview"):
        _seen([])
    with pytest.raises(InputError, match="pair-none: no such pair"):
        _seen(facts(), wanted=Wanted(ids=("pair-none",)))


def test_the_page_is_one_small_file_without_script_and_everything_in_it_is_escaped():
    pairs = [SHARP, *(a_pair(f"Question <i>{number}</i>?", "An <b>answer</b>.") for number in range(MOST_ROWS + 10))]

    html = page(_seen(pairs, wanted=Wanted(ids=(SHARP.id,))), title="<x>.jsonl", base="a & b")

    assert len(html.encode()) < 1_000_000
    assert "<script" not in html
    assert "<b>fett" not in html
    assert "&lt;x&gt;.jsonl" in html
    assert "a &amp; b" in html
    assert html.count('class="in') > 5
    assert "http" not in html.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in html
    assert f"the first {MOST_ROWS:,} shown" in html


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("base"), "llama", chat_tokenizer())


def _lines(folder: Path, rows) -> str:
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def _called(*arguments):
    return CliRunner().invoke(group, ["preview", *arguments])


ROWS = [{"instruction": pair.instruction, "output": pair.output} for pair in facts()]


@pytest.mark.slow
def test_a_file_of_pairs_is_previewed_without_colour_too_and_as_a_page(tmp_path, base):
    result = _called(_lines(tmp_path, ROWS), "--base", base, "--html", str(tmp_path / "page.html"), "--rows", "1")

    assert result.exit_code == 0, result.output
    assert (
        "<|user|>Tell me the warranty of the lathe.<|end|><|assistant|>The warranty of the lathe covers 12 months.<|end|>" in result.output
    )
    assert "|<|assistant|>|[The][·warranty][·of][·the][·lathe]" in result.output
    assert "last in the loss: [1][2][·months][.][<|end|>]" in result.output
    assert f"{len(ROWS)} of {len(ROWS)} rows end with the end token" in result.output
    assert "nothing stands against training" in result.output
    assert "\x1b[" not in result.output
    assert "Rows, token by token" in (tmp_path / "page.html").read_text()


@pytest.mark.slow
def test_a_file_that_training_would_refuse_ends_with_the_exit_code_of_training_and_json_says_why(tmp_path, base):
    path = _lines(tmp_path, [*ROWS, {"instruction": "Why?", "output": "Because <|end|>."}, {"instruction": "", "output": "Nothing."}])

    result = _called(path, "--base", base, "--json", "--set", "train.system=Be brief.", "--set", "train.prompt_weight=0.1")

    facts_told = json.loads(result.stdout)
    assert isinstance(result.exception, KilopairError)
    assert result.exception.exit_code == 6
    assert [problem["what"] for problem in facts_told["problems"]] == ["control tokens of the model"]
    assert facts_told["system"] == "Be brief."
    assert all(row["text"].startswith("<|system|>Be brief.<|end|>") for row in facts_told["rows"])
    assert "1 rows of the file are no pairs" in _called(path, "--base", base).output


def test_what_does_not_go_together_is_told(tmp_path):
    for arguments, told in (((_lines(tmp_path, ROWS),), "needs --base MODEL"), (("recipe.yaml", "--base", "x"), "are for a file of pairs")):
        assert told in str(_called(*arguments).exception)


@pytest.mark.slow
def test_a_run_is_previewed_before_anything_is_trained(tmp_path, monkeypatch):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "leave.md").write_text(PAGE)
    (tmp_path / "mine.jinja").write_text(
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{{ eos_token if m['role'] == 'assistant' }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    recipe = "documents: {path: pages}\ntrain: {template: mine.jinja}\n"
    (tmp_path / "recipe.yaml").write_text(recipe)
    monkeypatch.chdir(tmp_path)

    too_early = _called("recipe.yaml")
    CliRunner().invoke(group, ["split", "recipe.yaml", "--quiet"], catch_exceptions=False)
    result = _called("recipe.yaml")

    assert "run kilopair split first" in str(too_early.exception)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "embedded (not made yet)" in result.output
    assert "template   custom" in result.output
    assert "\nuser: " in result.output
    (tmp_path / "recipe.yaml").write_text(recipe.replace("mine", "gone"))
    assert "cannot be read" in str(_called("recipe.yaml").exception)
