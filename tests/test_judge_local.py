"""The judge at a server that nobody here wrote: a model that says anything at all, held to the schema of verdicts by llama.cpp."""

import importlib.util
from collections import Counter
from types import SimpleNamespace

import pytest

from builder.judge_recipe import judged
from generators.judge.judge import Outcome
from schemas.curation_judge import JudgeSection
from schemas.recipe import Recipe
from schemas.records import Dropped
from tests.test_judge import case
from tests.tiny_gguf import write_gguf

RUBRIC = """\
true: {asks: 'Is it true?', scale: {1: no, 2: partly, 3: yes}, weight: 2, codes: {made_up: not in the source}}
tone: {asks: 'Is it put well?', scale: {0: no, 1: yes}, codes: {wordy: too long}}
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="llama.cpp is an extra")
def test_even_a_model_with_random_weights_gives_every_pair_a_verdict_at_the_first_try(tmp_path):
    (tmp_path / "ours.yaml").write_text(RUBRIC)
    endpoint = {"model_file": write_gguf(tmp_path / "tiny.gguf"), "max_tokens": 1024, "concurrency": 2, "timeout_seconds": 200}
    section = JudgeSection(pairs="all", rubric="ours.yaml", threshold=0.5, per_request=4)
    recipe = Recipe.model_validate({"generate": {"generator": "local"}, "endpoint": endpoint, "judge": section})
    cases = [case(number, at=number // 2) for number in range(8)]
    documents = {case.passages[0].document.id: case.passages[0].document for case in cases}
    chunks = {case.passages[0].chunk.id: case.passages[0].chunk for case in cases}
    step = SimpleNamespace(
        recipe=recipe,
        root=tmp_path,
        work=SimpleNamespace(folder=tmp_path, progress=lambda _: lambda *_: None),
        documents=lambda: list(documents.values()),
        chunks=lambda: list(chunks.values()),
    )
    outcome = Outcome()

    records = list(judged(step, [case.pair for case in cases], outcome))

    assert (outcome.asked, outcome.judged, outcome.unjudged, outcome.unknown) == (8, 8, Counter(), 0)
    assert outcome.figures["calls"] <= outcome.batches + 4  # those of the probe beside them
    for record in records:
        scores = record.record["scores"] if isinstance(record, Dropped) else record.scores
        assert set(scores) == {"judge", "judge/true", "judge/tone"}
        assert {scores["judge/true"], scores["judge/tone"]} <= {0.0, 0.5, 1.0}
