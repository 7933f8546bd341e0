"""The image of a service: from its lock and files, the same from everywhere, with what has not changed made once."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from built_artifacts import OWN_RUNTIME, service_in, write
from images import base_parts

from fastlambda_cli.artifact.build import build
from fastlambda_cli.artifact.image.build import build_image
from fastlambda_cli.artifact.image.layers import is_sound
from fastlambda_cli.artifact.model import Part, Platform

ARCHITECTURES = {Platform.ARM64: "arm64", Platform.X86_64: "amd64"}
DEPENDENCIES = ("idna==3.11", "markupsafe==3.0.3")
TESTS = (Path(__file__).parents[1] / "support", Path(__file__).parent)
BUILDER = """
import pathlib, sys
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.service.load import load_service
sys.path[:0] = sys.argv[3:]
from test_building import image_of
service = load_service(pathlib.Path(sys.argv[1]))
print(image_of(service, pathlib.Path(sys.argv[2]), runtime="python3.13").digest)
"""
ON_A_SMALL_DISK = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({2**20}, {2**20}))
from fastlambda_cli.errors import ToolchainError
try:
    exec({BUILDER.replace('"python3.13"', repr(OWN_RUNTIME))!r})
except ToolchainError as problem:
    print(problem.in_one_line())
"""


def image_of(service, cache, *, platform=Platform.ARM64, runtime=OWN_RUNTIME, warned=None):
    """Build the image on a base that is in no registry."""
    base = base_parts(architecture=ARCHITECTURES[platform]).base()

    def tell(text, /, *, warning=False):
        if warning and warned is not None:
            warned.append(text)

    return asyncio.run(build_image(service, runtime=runtime, platform=platform, base=base, cache=cache, tell=tell))


def shop(folder):
    return service_in(folder / "shop", {"demo/app.py": "NAMES = {'a', 'b', 'c'}\n"}, dependencies=DEPENDENCIES)


def names(layer):
    with tarfile.open(layer.path) as tar:
        return {member.name.removeprefix("var/task/") for member in tar.getmembers() if member.isfile()}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache that these tests share."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("platform", list(ARCHITECTURES))
def test_the_image_holds_the_files_of_the_zip(tmp_path, cache, platform):
    service = shop(tmp_path)
    image = image_of(service, cache, platform=platform)
    making = build(service, runtime=OWN_RUNTIME, platform=platform, cache=cache, tell=lambda *_, **__: None)
    packages, own = map(names, image.layers)
    assert packages | own == set(asyncio.run(making).files)
    assert own & packages == set()
    assert "demo/app.py" in own
    assert "idna/__init__.py" in packages


@pytest.mark.parametrize("platform", list(ARCHITECTURES))
def test_another_folder_user_mask_and_time_give_the_same_digest(tmp_path, cache, platform):
    first = image_of(shop(tmp_path / "one"), cache, platform=platform)
    old = os.umask(0o077)
    try:
        service = shop(tmp_path / "deep" / "er")
        for path in service.root.rglob("*"):
            os.utime(path, (0, 0))
        other = image_of(service, tmp_path / "cache", platform=platform)
    finally:
        os.umask(old)
    assert other.digest == first.digest
    assert other.layers[0].path != first.layers[0].path


def test_another_processor_has_other_packages_and_the_same_own_files(tmp_path, cache):
    service = shop(tmp_path)
    arm, intel = (image_of(service, cache, platform=platform) for platform in ARCHITECTURES)
    assert arm.layers[1].digest == intel.layers[1].digest
    assert arm.layers[0].digest != intel.layers[0].digest


def test_a_changed_line_makes_one_small_layer(tmp_path, cache):
    service = shop(tmp_path)
    before = image_of(service, cache)
    assert image_of(service, cache).reused == frozenset(Part)

    write(service.root, {"demo/app.py": "NAMES = set()\n"})
    after = image_of(service, cache)

    assert after.reused == {Part.PACKAGES}
    assert after.layers[0] == before.layers[0]
    assert after.layers[1].digest != before.layers[1].digest
    assert after.layers[1].size < 5000


@pytest.mark.slow
def test_a_layer_that_is_damaged_is_made_anew_and_said_so(tmp_path):
    service, cache, warned = shop(tmp_path), tmp_path / "cache", []
    before = image_of(service, cache)
    for layer in before.layers:
        content = bytearray(layer.path.read_bytes())
        content[-5] ^= 0xFF
        layer.path.write_bytes(content)
        assert not is_sound(layer.path.parent)
    assert image_of(service, cache, warned=warned) == before
    assert len([text for text in warned if "is damaged" in text]) == 2


@pytest.mark.slow
def test_what_is_known_of_the_layers_is_made_anew_when_it_is_damaged(tmp_path):
    service, cache, warned = shop(tmp_path), tmp_path / "cache", []
    before = image_of(service, cache)
    records = [layer.path.with_name("layer.json") for layer in before.layers]
    for damaged in (*records, before.layers[0].path.with_name("contents.json")):
        damaged.write_text(damaged.read_text()[:-1])
        assert image_of(service, cache, warned=warned) == before
        assert "is damaged" in warned.pop()
        assert warned == []


def test_two_builds_at_once_give_one_image(tmp_path):
    service, said = shop(tmp_path), []

    def tell(text, /, *, warning=False):
        said.append((text, warning))

    async def both():
        options = {"runtime": OWN_RUNTIME, "platform": Platform.ARM64, "base": base_parts().base()}
        return await asyncio.gather(*(build_image(service, **options, cache=tmp_path / "c", tell=tell) for _ in "ab"))

    one, other = asyncio.run(both())
    assert one == other
    assert ("Another command packs the packages of mine: waiting for it", False) in said
    assert len([text for text, _ in said if text.startswith("Packing")]) == 1
    assert is_sound(one.layers[0].path.parent)


@pytest.mark.slow
def test_a_disk_that_is_full_is_said_so_leaves_no_half_layer_and_the_next_build_works(tmp_path):
    service, cache = shop(tmp_path), tmp_path / "cache"
    before = image_of(service, cache)
    (service.root / "big.bin").write_bytes(os.urandom(2 * 2**20))
    command = [sys.executable, "-c", ON_A_SMALL_DISK, str(service.root), str(cache), *map(str, TESTS)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    place = before.layers[1].path.parent
    assert said.startswith("Cannot make the layer of mine: [Errno 27] File too large")
    assert f"{place.parent} can be written to and its disk has room" in said
    assert [path for path in place.parent.iterdir() if path.is_dir()] == [place]
    assert image_of(service, cache).layers[1].size > 2 * 2**20


@pytest.mark.slow
def test_more_than_a_zip_may_hold_is_fine_in_an_image(tmp_path, cache):
    service = shop(tmp_path)
    with (service.root / "model.bin").open("wb") as file:
        file.truncate(251 * 2**20)
    image = image_of(service, cache)
    assert image.layers[1].unpacked > 251 * 2**20
    assert json.loads(image.manifest)["layers"][-1]["size"] == image.layers[1].size
