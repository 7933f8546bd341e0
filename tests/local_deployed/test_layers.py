"""The layers of images: where they may unpack to, and which win."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from fastlambda_cli.local.aws.deployed.layers import unpack_layers
from fastlambda_cli.local.aws.deployed.unpacking import Unpacked, UnusableCodeError


def layer(files, kind=tarfile.REGTYPE, mode=0o644):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.linkname = kind, mode, "/etc/passwd"
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(content.encode()))
    return gzip.compress(buffer.getvalue())


def test_what_is_in_the_task_root_is_unpacked_read_only_and_upper_layers_win(tmp_path):
    lower = layer({"var/task/app.py": "old", "var/task/shop/__init__.py": "", "etc/hosts": "x"})
    upper = layer({"./var/task/app.py": "new", "var/task/run.sh": "#!"}, mode=0o755)
    manifest = unpack_layers([lower, upper], tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == {
        "app.py",
        "shop/__init__.py",
        "run.sh",
    }
    assert (tmp_path / "app.py").read_text() == "new"
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("run.sh", "shop/__init__.py")] == [0o500, 0o400]
    assert manifest.keys() == {"app.py", "shop/__init__.py", "run.sh"}


def test_what_an_earlier_package_has_as_well_is_the_same_file(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    manifest = unpack_layers([layer({"var/task/same.py": "same", "var/task/app.py": "old"})], before)
    unpack_layers([layer({"var/task/same.py": "same", "var/task/app.py": "new"})], after, Unpacked(before, manifest))
    assert (after / "same.py").samefile(before / "same.py")
    assert ((before / "app.py").read_text(), (after / "app.py").read_text()) == ("old", "new")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (layer({"var/task/../../outside.py": "x"}), "leads outside"),
        (layer({"var/task/app.py": ""}, tarfile.SYMTYPE), "neither a file nor a folder"),
        (layer({"var/task/app.py": ""}, tarfile.LNKTYPE), "neither a file nor a folder"),
        (layer({"var/task/.wh.app.py": ""}), "neither a file nor a folder"),
        (layer({"var/task/app.py": "x" * 5000})[:-40], "cannot be read"),
        (b"no layer", "cannot be read"),
    ],
    ids=["outside", "symbolic link", "hard link", "whiteout", "cut off", "no layer"],
)
def test_what_cannot_be_unpacked_is_refused_by_its_reason(tmp_path, bad, why):
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(UnusableCodeError, match=why):
        unpack_layers([bad], inside)
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
