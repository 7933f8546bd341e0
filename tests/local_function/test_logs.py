"""What a function writes, however much and however wild, comes out as lines and holds nothing else up."""

from __future__ import annotations

import asyncio
import os
import struct

from fastlambda_cli.local import failures
from fastlambda_cli.local.function.logs import MAX_LINE, Frames, LogPipe


def frame(text):
    data = text.encode()
    return struct.pack(">IIQ", 0xA55A0003, len(data), 1) + data


def test_a_frame_is_a_message_even_when_it_comes_in_pieces():
    frames = Frames()
    whole = frame("two\nlines") + frame("next")
    assert [message for byte in whole for message in frames.feed(bytes([byte]))] == ["two\nlines", "next"]


def test_what_something_else_writes_into_the_frames_is_text_and_the_next_frame_is_read_again():
    assert Frames().feed(b"who wrote\nthis?" + frame("a frame")) == ["who wrote", "this?", "a frame"]


def test_an_overlong_message_is_cut_at_the_limit_of_a_log_event():
    (message,) = Frames().feed(frame("x" * (MAX_LINE + 1)))
    assert len(message) == MAX_LINE


def test_reading_a_pipe_dry_ends_although_its_writer_never_does():
    async def scenario():
        lines = []
        pipe = LogPipe(Endless(pipe_of=lambda: pipe), lines.append)
        os.write(pipe.write_fd, b"x" * 10_000)
        pipe.drain()
        pipe.close()
        pipe.handed_over()
        return lines

    assert asyncio.run(scenario())


class Endless:
    """A decoder that, like a function that prints without end, has more in the pipe after every read."""

    def __init__(self, pipe_of):
        self._pipe_of = pipe_of

    def feed(self, data):
        os.write(self._pipe_of().write_fd, data)
        return ["line"]

    def flush(self):
        return []


def test_a_function_that_prints_without_end_still_times_out(laboratory):
    async def scenario(lab):
        return (await lab.invoke()).payload

    payload = laboratory.run("def handler(event, context):\n    while True: print('y' * 1000)", scenario, timeout=1)
    assert b"Sandbox.Timedout" in payload


def test_a_runtime_that_cannot_be_started_fails_init_with_its_cause(laboratory, tmp_path):
    async def scenario(lab):
        return await lab.invoke()

    result = laboratory.run("", scenario, python=tmp_path / "no-python")

    assert result.function_error == "Unhandled"
    assert b"could not be started" in result.payload
    assert b"no-python" in result.payload


DEEP = '{"a":' * 5000 + "1" + "}" * 5000
"""Good JSON, and deeper than Python 3.11 and 3.12 read any."""


def test_a_line_of_json_however_deep_is_a_line(laboratory):
    laboratory.run(f"DEEP = {DEEP!r}\ndef handler(event, context): print(DEEP)", lambda lab: lab.invoke())

    assert laboratory.lines() == [DEEP]


def test_an_error_however_deep_has_a_type():
    assert failures.error_type(DEEP.encode()) == failures.error_type(b"{}")
