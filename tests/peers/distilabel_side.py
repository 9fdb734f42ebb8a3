"""distilabel's Pipeline, run by its own environment: a dataset loaded from dicts and one TextGeneration over an OpenAI endpoint.

    .venv-peers/distilabel/bin/python tests/peers/distilabel_side.py --port ... (see meter.py)

Its steps run in processes of their own, all of them counted. It gives the reply as text, so nothing is validated here.
"""

import logging
import os
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}

from distilabel.models import OpenAILLM  # pyright: ignore[reportMissingImports]
from distilabel.pipeline import Pipeline  # pyright: ignore[reportMissingImports]
from distilabel.steps import LoadDataFromDicts  # pyright: ignore[reportMissingImports]
from distilabel.steps.tasks import TextGeneration  # pyright: ignore[reportMissingImports]
from meter import arguments, bodies, cpu_seconds, has_items, report


def replies(asked, given, name):
    """Run a pipeline over the bodies and return the texts of the replies."""
    rows = [
        dict(zip(("system_prompt", "instruction"), (message["content"] for message in body["messages"]), strict=True)) for body in asked
    ]
    llm = OpenAILLM(
        model="bench",
        base_url=f"http://127.0.0.1:{given.port}/v1",
        api_key="bench",
        generation_kwargs={"max_new_tokens": 1024, "temperature": 0.7},
    )
    with Pipeline(name=name, cache_dir=Path(given.folder) / name) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=given.concurrency)
        load.connect(TextGeneration(llm=llm, input_batch_size=given.concurrency))
    return pipeline.run(use_cache=False)["default"]["train"]["generation"]


def main():
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # distilabel silences httpx, but not its successor
    given = arguments()
    first, measured = bodies(given)
    replies(first, given, "warm-up")
    started = cpu_seconds()
    found = replies(measured, given, "measured")
    used = cpu_seconds() - started
    report(given, cpu=used, answered=sum(has_items(text) for text in found))


if __name__ == "__main__":
    main()
