"""The bare SDK, run by our own environment: `create` as its README shows, or `client.post` on the aiohttp backend.

    python tests/peers/sdk.py create|post --port ... (see meter.py)

`post --uvloop` runs on uvloop, as our engine does. The replies are looked into only when the clock has stopped.
"""

import asyncio
import json
import sys

import httpx2
import uvloop
from meter import arguments, bodies, cpu_seconds, has_items, report
from openai import AsyncOpenAI, DefaultAioHttpClient


async def create(client, body):
    return (await client.chat.completions.create(**body)).choices[0].message.content


async def post(client, body):
    return (await client.post("/chat/completions", cast_to=httpx2.Response, body=body)).content


async def all_of(call, client, asked, *, concurrency):
    waiting, replies = iter(asked), []

    async def work():
        for body in waiting:
            replies.append(await call(client, body))  # noqa: PERF401 - the workers share it

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return replies


def text(reply):
    return reply if isinstance(reply, str) else json.loads(reply)["choices"][0]["message"]["content"]


async def main():
    given = arguments()
    first, measured = bodies(given)
    call = {"create": create, "post": post}[sys.argv[1]]
    http = DefaultAioHttpClient() if call is post else None
    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{given.port}/v1", api_key="bench", http_client=http) as client:
        await all_of(call, client, first, concurrency=given.concurrency)
        started = cpu_seconds()
        replies = await all_of(call, client, measured, concurrency=given.concurrency)
        used = cpu_seconds() - started
    report(given, cpu=used, answered=sum(has_items(text(reply)) for reply in replies))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if "--uvloop" in sys.argv else None) as runner:
        runner.run(main())
