"""Plays the people of `people.py` against the proxy, all at once, over some minutes.

python play.py [--minutes 6] [--truth TRUTH.jsonl]

Ordinary people come in sessions with pauses, the support product all the time, the benchmark team goes through its
list once per key, and the campaign's keys draw from one queue. Times in the log are the times of the play.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx
from people import N_CAMPAIGN, PEOPLE, Person
from texts import ask

PROXY = "http://127.0.0.1:4800"
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}


def body(person: Person, system: str | None, text: str) -> dict[str, Any]:
    """The request body of the person's endpoint."""
    common: dict[str, Any] = {"model": person.model, "stream": person.stream}
    if person.temperature is not None:
        common["temperature"] = person.temperature
    if person.endpoint == "responses":
        return {
            **common,
            "input": text,
            "max_output_tokens": person.max_tokens,
            **({"instructions": system} if system else {}),
        }
    turn = {"role": "user", "content": text}
    if person.endpoint == "messages":
        return {
            **common,
            "messages": [turn],
            "max_tokens": person.max_tokens,
            **({"system": system} if system else {}),
        }
    turns = [{"role": "system", "content": system}, turn] if system else [turn]
    return {**common, "messages": turns, "max_tokens": person.max_tokens}


def headers(person: Person, number: int) -> dict[str, str]:
    """What the edge in front of the proxy would pass on; one person in twelve has prompts kept out of the log."""
    found = {
        "authorization": f"Bearer {person.key}",
        "user-agent": person.client[0],
        "x-ja4": person.client[1],
        "x-forwarded-for": person.ips[number % len(person.ips)],
    }
    if person.work == "tenant" and number % 2:
        found["x-litellm-enable-message-redaction"] = "true"
    return found


def moments(person: Person, seconds: float) -> Iterator[float]:
    """When each request starts, in seconds from the beginning."""
    dice = Random(f"times/{person.user_id}")
    if person.label == "ordinary":  # a few sittings, each with its own pace
        sittings = [dice.uniform(0.0, 0.9 * seconds) for _ in range(4)]
        yield from (
            min(seconds, dice.choice(sittings) + dice.expovariate(12 / seconds)) for _ in range(person.n)
        )
        return
    start = dice.uniform(0.0, 0.1 * seconds) if person.label == "benchmark" else 0.02 * seconds
    length = 0.5 * seconds if person.label == "benchmark" else 0.94 * seconds
    yield from (start + (i + dice.random()) * length / person.n for i in range(person.n))


async def call(client: httpx.AsyncClient, person: Person, number: int, item: int) -> int:
    """One request, its stream read to the end; the HTTP status."""
    system, text = ask(person.work, item, person.user_id)
    sent = body(person, system, text)
    try:
        response = await client.post(
            PROXY + PATHS[person.endpoint], json=sent, headers=headers(person, number)
        )
    except httpx.HTTPError:
        return 0
    return response.status_code


async def live(client: httpx.AsyncClient, person: Person, seconds: float, queue: Iterator[int]) -> list[int]:
    """One person's requests, each at its moment."""
    begun = asyncio.get_running_loop().time()
    statuses = []
    for number, moment in enumerate(sorted(moments(person, seconds))):
        await asyncio.sleep(max(0.0, begun + moment - asyncio.get_running_loop().time()))
        item = next(queue) if person.campaign else number
        statuses.append(await call(client, person, number, item))
    return statuses


async def play(seconds: float) -> None:
    """Everybody at once."""
    limits = httpx.Limits(max_connections=32)
    async with httpx.AsyncClient(timeout=60.0, limits=limits) as client:
        queue = count(1)  # the campaign's keys share it: no item is asked twice
        done = await asyncio.gather(*(live(client, person, seconds, queue) for person in PEOPLE))
    flat = [status for statuses in done for status in statuses]
    print({status: flat.count(status) for status in sorted(set(flat))}, f"{N_CAMPAIGN} campaign keys")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--truth", type=Path)
    options = parser.parse_args()
    if options.truth:
        rows = ({"account_id": p.user_id, "label": p.label, "campaign": p.campaign} for p in PEOPLE)
        options.truth.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    asyncio.run(play(60.0 * options.minutes))


if __name__ == "__main__":
    main()
