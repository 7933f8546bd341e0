"""A new artifact against the live one."""

from __future__ import annotations

from fastlambda_cli.deploy.artifact_change import artifact_change
from fastlambda_cli.deploy.model import FileChange, PublishedZip

LIVE = PublishedZip("b", "k", "live=", 900, {"a.py": (10, 1), "b.py": (20, 2), "same.py": (5, 5)})


def change(files, sha256="new=", live=LIVE):
    return artifact_change(PublishedZip("b", "new", sha256, 1000, files), live)


def test_the_first_artifact_is_all_new_and_lists_nothing():
    found = change({"a.py": (10, 1), "b.py": (20, 2)}, live=None)
    assert (found.changed, found.size, found.unpacked, found.previous_size, found.files) == (True, 1000, 30, None, ())


def test_the_same_digest_is_no_change():
    found = change({"a.py": (10, 1)}, sha256="live=")
    assert (found.changed, found.previous_size, found.files) == (False, None, ())


def test_files_that_come_go_or_differ_are_listed_with_their_sizes():
    found = change({"a.py": (11, 9), "c.py": (3, 3), "same.py": (5, 5)})
    assert found.previous_size == 900
    assert found.files == (FileChange("a.py", 10, 11), FileChange("b.py", 20, None), FileChange("c.py", None, 3))


def test_another_content_of_the_same_size_is_a_change():
    assert change({**LIVE.files, "a.py": (10, 7)}).files == (FileChange("a.py", 10, 10),)


def test_nothing_is_said_about_files_when_the_live_ones_were_not_recorded():
    assert change({"a.py": (1, 1)}, live=PublishedZip("b", "k", "live=", 900)).files == ()
