"""bespokelabs-curator, run by its own environment: an LLM with a prompt function and a response format, over a dataset.

    .venv-peers/curator/bin/python tests/peers/curator_side.py --port ... (see meter.py)

Its constructor loads a vocabulary from the network; litellm, which it depends on, ships the same file, so it is read there.
Each run of a dataset is a new one for its cache. Telemetry and the live display are off.
"""

import os
from pathlib import Path

os.environ |= {"TELEMETRY_ENABLED": "false", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}

import litellm  # pyright: ignore[reportMissingImports]

os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(str(litellm.__file__)).parent / "litellm_core_utils" / "tokenizers")

from bespokelabs import curator  # pyright: ignore[reportMissingImports] - in its own environment
from meter import arguments, bodies, cpu_seconds, report
from pydantic import BaseModel, Field


class Item(BaseModel):
    wordings: list[str] = Field(min_length=1, max_length=20)
    output: str = Field(min_length=2, max_length=4000)
    quotes: list[str] = Field(min_length=1, max_length=12)


class Reply(BaseModel):
    items: list[Item]


class Writer(curator.LLM):
    response_format = Reply

    def prompt(self, row):
        return row["messages"]

    def parse(self, row, response):
        return {"items": [item.model_dump() for item in response.items]}


def answered(llm, rows, folder):
    """Run a dataset and count the rows with items."""
    done = llm([{"messages": body["messages"]} for body in rows], working_dir=str(folder)).dataset
    return sum(bool(row["items"]) for row in done)


def main():
    given = arguments()
    first, measured = bodies(given)
    llm = Writer(
        model_name="bench",
        response_format=Reply,
        backend="openai",
        generation_params={"max_tokens": 1024, "temperature": 0.7},
        backend_params={
            "base_url": f"http://127.0.0.1:{given.port}/v1",
            "api_key": "bench",
            "max_concurrent_requests": given.concurrency,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 10_000_000_000,
        },
    )
    answered(llm, first, Path(given.folder) / "warm-up")
    started = cpu_seconds()
    found = answered(llm, measured, Path(given.folder) / "measured")
    report(given, cpu=cpu_seconds() - started, answered=found)


if __name__ == "__main__":
    main()
