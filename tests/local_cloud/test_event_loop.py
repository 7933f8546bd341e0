"""The event loop looks for a moment before it sleeps, where something has just come, and only there."""

from __future__ import annotations

import asyncio
import itertools
import selectors
import socket

import pytest

from fastlambda_cli.local.event_loop import AWAKE_S, AttentiveSelector, attentive_loop

QUIET_S = 0.001


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class Clock:
    """Goes on by a third of the moment whenever it is looked at."""

    def __init__(self):
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return self.looks * AWAKE_S / 3


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def selector(ends, clock):
    with AttentiveSelector(clock) as made:
        made.register(ends[0], selectors.EVENT_READ)
        yield made


def test_after_something_has_come_it_looks_for_a_moment_and_then_sleeps_as_long_as_nothing_comes(selector, ends, clock):
    ends[1].send(b"a")
    assert selector.select(QUIET_S)
    ends[0].recv(1)

    looks = []
    for _ in range(3):
        before = clock.looks
        assert not selector.select(QUIET_S)
        looks.append(clock.looks - before)

    assert looks == [4, 0, 0]


def test_what_comes_while_it_looks_is_told_at_once(ends):
    came = []

    def clock():
        if not came:
            came.append(ends[1].send(b"b"))
        return 0.0  # so that it would look for ever

    with AttentiveSelector(clock) as selector:
        selector.register(ends[0], selectors.EVENT_READ)
        ends[1].send(b"a")
        assert selector.select(None)
        ends[0].recv(1)

        assert [key.fileobj for key, _ in selector.select(None)] == [ends[0]]


def test_a_question_without_a_wait_is_not_taken_for_quiet(selector, ends, clock):
    ends[1].send(b"a")
    selector.select(QUIET_S)
    ends[0].recv(1)

    assert not selector.select(0)
    assert clock.looks == 0
    selector.select(QUIET_S)

    assert clock.looks > 0


def test_it_does_not_look_for_longer_than_it_may_wait(selector, ends, clock):
    ends[1].send(b"a")
    selector.select(QUIET_S)
    ends[0].recv(1)

    assert not selector.select(AWAKE_S / 2)
    assert clock.looks == 0


def test_a_loop_with_it_runs_programs_and_connections():
    async def conversation():
        async def shout(reader, writer):
            writer.write((await reader.readline()).upper())
            writer.close()

        async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"said\n")
            said = await reader.read()
            writer.close()
        program = await asyncio.create_subprocess_exec("/bin/sh", "-c", "exit 3")
        return said, await program.wait(), await asyncio.to_thread(lambda: next(itertools.count(7)))

    with asyncio.Runner(loop_factory=attentive_loop) as runner:
        assert runner.run(conversation()) == (b"SAID\n", 3, 7)
