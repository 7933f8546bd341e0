"""Ctrl-C and a cancelled CI job, found by a command that has something to put in order."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from fastlambda_cli.cli.signals import SIGNALS, interruptible


def interrupted_by(*numbers):
    """A command that is interrupted, and interrupted again while it puts things in order."""
    first, *more = numbers
    with interruptible():
        try:
            os.kill(os.getpid(), first)
            signal.pause()
        finally:
            for number in more:
                os.kill(os.getpid(), number)
            sys.stdout.write("in order\n")


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_lets_the_command_put_things_in_order_and_ends_it_with_130(number, capsys):
    with pytest.raises(SystemExit) as ended:
        interrupted_by(number)
    assert ended.value.code == 130
    assert capsys.readouterr() == ("in order\n", "Interrupted.\n")


def test_a_signal_that_comes_twice_at_once_interrupts_once(capsys):
    with pytest.raises(SystemExit):
        interrupted_by(signal.SIGINT, signal.SIGINT)
    assert capsys.readouterr().out == "in order\n"


def test_afterwards_signals_mean_what_they_meant_before():
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(number) for number in SIGNALS] == before
