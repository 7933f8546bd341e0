"""Whether a file of the cache has been touched."""

from __future__ import annotations

import os
import shutil

import pytest

from fastlambda_cli.artifact.sealing import is_sealed, seal


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "layer"
    path.write_bytes(b"one")
    seal(path, "sha256:1")
    return path


def overwritten_with_its_times_kept(file):
    status = file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def replaced_by_a_copy(file):
    shutil.copy2(file, file.with_name("copy"))
    file.with_name("copy").replace(file)


def cut_off(file):
    os.truncate(file, 2)


def without_its_seal(file):
    file.with_name("layer.seal").unlink()


def with_a_damaged_seal(file):
    file.with_name("layer.seal").write_bytes(b"\0")


def test_a_file_that_nobody_has_touched_is_as_it_was_sealed_wherever_its_folder_goes(file, tmp_path):
    assert is_sealed(file, "sha256:1")
    moved = tmp_path.with_name("moved")
    tmp_path.rename(moved)
    assert is_sealed(moved / "layer", "sha256:1")
    moved.rename(tmp_path)


@pytest.mark.parametrize(
    "touch",
    [overwritten_with_its_times_kept, replaced_by_a_copy, cut_off, without_its_seal, with_a_damaged_seal],
)
def test_a_file_that_somebody_has_touched_is_not(file, touch):
    touch(file)
    assert not is_sealed(file, "sha256:1")


def test_a_file_is_not_what_another_digest_names(file):
    assert not is_sealed(file, "sha256:2")
