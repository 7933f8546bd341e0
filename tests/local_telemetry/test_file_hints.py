"""A function that meets the edges of Lambda's file system is told so, once."""

from __future__ import annotations

import sqlite3

import pytest

from fastlambda_cli.local.file_hints import FileHints
from fastlambda_cli.local.model import LogLine, Notice


def notices(*lines, given=True):
    told = []
    hints = FileHints(told.append)
    hints.given = given
    for line in lines:
        hints(LogLine(1, None, line))
    assert [event.text for event in told if isinstance(event, LogLine)] == list(lines), "everything is passed on"
    return [event.text for event in told if isinstance(event, Notice)]


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("OSError: [Errno 30] Read-only file system: '/var/task/uploads'", "Write below /tmp"),
        ("OSError: [Errno 28] No space left on device", "ephemeral_storage"),
        ("    sl = self._semlock = _multiprocessing.SemLock(", "Process and Pipe"),
    ],
)
def test_the_edge_and_the_remedy_are_named(line, remedy):
    (text,) = notices(line)

    assert "Lambda" in text
    assert remedy in text


def test_each_hint_is_given_once_whatever_words_call_for_it():
    assert len(notices("Read-only file system", "attempt to write a readonly database", "Read-only file system")) == 1
    assert len(notices("Read-only file system", "No space left on device")) == 2


def test_sqlite_has_the_same_words_for_a_folder_that_is_missing_and_the_hint_says_so(tmp_path):
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(tmp_path / "missing" / "books.db")

    (text,) = notices(str(caught.value))
    assert "or its folder does not exist" in text
    assert "Write below /tmp" in text


def test_where_functions_have_this_machines_files_lambda_is_not_to_blame():
    assert notices("Read-only file system", given=False) == []


def test_other_lines_call_for_nothing():
    assert notices("a book was read") == []
