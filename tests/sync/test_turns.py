"""Writes that touch the same thing go one after another."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from tests.helpers import settle
from tui.sync.targets.turns import Turns


async def test_in_order_for_each_key_and_at_once_for_others() -> None:
    """Whoever asks for a key first has it first; who needs none of the same waits for nobody."""
    turns, told, gate = Turns(), list[str](), asyncio.Event()

    async def write(name: str, *keys: str, blocked: bool = False) -> None:
        async with turns.take(keys):
            told.append(f"{name} begins")
            if blocked:
                await gate.wait()
            told.append(f"{name} ends")

    tasks = [
        asyncio.ensure_future(write("first", "a", "b", blocked=True)),
        asyncio.ensure_future(write("second", "b", "c")),
        asyncio.ensure_future(write("third", "c")),
        asyncio.ensure_future(write("free", "d")),
    ]
    await settle()
    assert told == ["first begins", "free begins", "free ends"]
    gate.set()
    await asyncio.gather(*tasks)
    assert told[3:] == ["first ends", "second begins", "second ends", "third begins", "third ends"]


async def test_a_cancelled_wait_blocks_nobody() -> None:
    """Who gives up its place lets the next one in, and cancels nobody else."""
    turns, gate, done = Turns(), asyncio.Event(), list[str]()

    async def write(name: str) -> None:
        async with turns.take(("a",)):
            await gate.wait()
            done.append(name)

    first, second, third = [asyncio.ensure_future(write(name)) for name in ("first", "second", "third")]
    await settle()
    second.cancel()
    gate.set()
    await asyncio.gather(first, third)
    with pytest.raises(asyncio.CancelledError):
        await second
    assert done == ["first", "third"]


async def test_never_two_at_once() -> None:
    """Of many writes over few keys no two with a key in common are ever under way together."""
    random, turns, held = Random(1), Turns(), set[str]()

    async def write(keys: set[str]) -> None:
        async with turns.take(keys):
            assert not held & keys
            held.update(keys)
            await asyncio.sleep(0)
            held.difference_update(keys)

    await asyncio.gather(*(write(set(random.sample("abcdefgh", random.randrange(1, 4)))) for _ in range(300)))
    assert not held
