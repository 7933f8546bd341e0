"""A layer as Lambda takes it, whose bytes nothing but its files decides."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import random
import tarfile
import zlib

import pytest
from images import layer_of

from fastlambda_cli.artifact.image.compression import BLOCK, Gzip, is_usual_compressor
from fastlambda_cli.artifact.image.layers import is_sound

FILES = {
    "lambda_handler.py": "def handler(event, context): ...\n",
    "demo/__init__.py": "",
    "demo/data/names.csv": "a,b\n",
    "demo/run.sh": "#!/bin/sh\n",
}


def members(layer):
    with tarfile.open(layer.path) as tar:
        return tar.getmembers()


def test_every_folder_stands_before_what_is_in_it(tmp_path):
    seen = set()
    for member in members(layer_of(tmp_path, FILES)):
        parent = member.name.rpartition("/")[0]
        assert not parent or parent in seen, member.name
        if member.isdir():
            assert member.name not in seen, "once"
            seen.add(member.name)
    assert seen == {"var", "var/task", "var/task/demo", "var/task/demo/data"}


def test_every_file_is_roots_and_everybody_may_read_it(tmp_path):
    for member in members(layer_of(tmp_path, FILES, executable=["demo/run.sh"])):
        assert (member.uid, member.gid, member.uname, member.gname, member.mtime) == (0, 0, "", "", 0)
        expected = 0o755 if member.isdir() or member.name.endswith("run.sh") else 0o644
        assert member.mode == expected, member.name


def test_the_layer_is_what_its_digests_say(tmp_path):
    layer = layer_of(tmp_path, FILES)
    content = layer.path.read_bytes()
    assert layer.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert layer.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(content)).hexdigest()}"
    assert (layer.size, layer.unpacked) == (len(content), len(gzip.decompress(content)))
    assert is_sound(tmp_path)
    layer.path.write_bytes(content[:-1])
    assert not is_sound(tmp_path)


def test_the_digest_is_the_same_on_every_machine(tmp_path):
    """It stands here as it was made with CPython 3.11 on x86_64 and with 3.12 and 3.13."""
    assert is_usual_compressor()
    digest = "5ba49495f8dbefd948c9024b199a9165ed6e491af70c17f407feb5e39af3349f"
    assert layer_of(tmp_path, FILES).digest == f"sha256:{digest}"


def test_a_long_path_is_plain_as_long_as_it_can_be(tmp_path):
    folder = "/".join(["a" * 60] * 2)
    layer = layer_of(tmp_path, {f"{folder}/{'b' * 90}": "x", "short": "y"})
    assert all(not member.pax_headers for member in members(layer))


@pytest.mark.parametrize("name", ["c" * 120, "d/" * 140 + "e", "ümlaut.txt"])
def test_a_path_that_no_plain_header_holds_is_there_all_the_same(tmp_path, name):
    (member,) = [member for member in members(layer_of(tmp_path, {name: "x"})) if member.isfile()]
    assert member.name == f"var/task/{name}"
    assert set(member.pax_headers) == {"path"}


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 17])
def test_compression_is_one_gzip_member_whoever_does_it(size):
    dice = random.Random(size)  # noqa: S311 - the same each time
    data = (dice.randbytes(size // 2) + b"abc" * size)[:size]
    results = set()
    for workers, piece in ((1, size + 1), (2, 1000 * 1000), (8, 70_001)):
        target = io.BytesIO()
        with Gzip(target, workers=workers) as stream:
            for begin in range(0, size, piece):
                stream.write(data[begin : begin + piece])
        results.add(target.getvalue())
    (compressed,) = results
    unpacking = zlib.decompressobj(wbits=31)
    assert unpacking.decompress(compressed) == data
    assert unpacking.eof
    assert unpacking.unused_data == b"", "one member and not several"


def test_compression_that_fails_leaves_no_complete_member():
    target = io.BytesIO()
    with contextlib.suppress(RuntimeError), Gzip(target, workers=1) as stream:
        stream.write(b"x")
        raise RuntimeError
    with pytest.raises(EOFError):
        gzip.decompress(target.getvalue())
