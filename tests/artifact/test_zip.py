"""The zip: the same bytes for the same input, nothing of this machine, and no work that is done already."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile

import pytest
from built_artifacts import OWN_RUNTIME, bookshop, built, service_in, write

from fastlambda_cli.artifact.build import build
from fastlambda_cli.artifact.interpreter import OWN
from fastlambda_cli.artifact.model import Platform

BUILDER = """
import asyncio, pathlib, sys
from fastlambda_cli.artifact.build import build
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.service.load import load_service
service = load_service(pathlib.Path(sys.argv[1]))
options = {"runtime": "python3.13", "platform": Platform.ARM64, "cache": pathlib.Path(sys.argv[2])}
print(asyncio.run(build(service, tell=lambda *_, **__: None, **options)).sha256_hex)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One service that has been built."""
    folder = tmp_path_factory.mktemp("one")
    return built(bookshop(folder), folder / "cache")


@pytest.fixture(scope="module")
def unbundled(tmp_path_factory):
    """The same service, each of whose modules keeps its bytecode beside it."""
    folder = tmp_path_factory.mktemp("unbundled")
    return built(bookshop(folder, table="package.bundle = false"), folder / "cache")


def test_the_artifact_names_its_bytes(shop):
    content = shop.artifact.path.read_bytes()
    digest = hashlib.sha256(content)
    assert shop.artifact.sha256_hex == digest.hexdigest()
    assert shop.artifact.sha256_base64 == base64.b64encode(digest.digest()).decode()
    assert shop.artifact.size == len(content)
    with zipfile.ZipFile(shop.artifact.path) as file:
        assert file.testzip() is None
        infos = {info.filename: (info.file_size, info.CRC) for info in file.infolist()}
    assert shop.artifact.files == infos
    assert shop.artifact.unpacked == sum(size for size, _ in infos.values())


def test_the_heaviest_packages_come_first_with_their_bytecode(shop, unbundled):
    packages = shop.artifact.packages
    assert [package.name for package in packages] == ["idna", "MarkupSafe", "fastlambda", "shelf"]
    assert packages[0].version == "3.11"
    assert packages == unbundled.artifact.packages, "wherever their bytecode is"
    idna = sum(size for name, (size, _) in unbundled.artifact.files.items() if name.startswith("idna"))
    assert packages[0].size == idna


def test_another_folder_user_mask_and_time_give_the_same_digest(shop, tmp_path):
    deep = tmp_path / "a" / "b"
    old = os.umask(0o077)
    try:
        service = bookshop(deep)
        for path in deep.rglob("*"):
            os.utime(path, (0, 0))
        other = built(service, tmp_path / "cache")
    finally:
        os.umask(old)
    assert other.artifact.sha256_hex == shop.artifact.sha256_hex
    assert other.artifact.path != shop.artifact.path


def test_nothing_in_the_zip_tells_the_machine(shop):
    with zipfile.ZipFile(shop.artifact.path) as file:
        for info in file.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            is_program = info.filename == "demo/run.sh" or info.filename.endswith(".so")
            assert info.external_attr >> 16 == (0o100755 if is_program else 0o100644), info.filename
            content = file.read(info)
            for word in (str(shop.artifact.path.parents[4]), sys.prefix, sys.base_prefix):
                assert word.encode() not in content, (info.filename, word)
    assert "demo/run.sh" in shop.names
    assert not {name for name in shop.names if name.startswith("bin/") or name.endswith(("/RECORD", "direct_url.json"))}
    assert "idna-3.11.dist-info/METADATA" in shop.names


def test_every_module_has_bytecode_that_no_date_outdates(unbundled):
    modules = {name for name in unbundled.names if name.endswith(".py")}
    tag = sys.implementation.cache_tag
    for name in modules:
        folder, _, file = name.rpartition("/")
        compiled = "/".join(filter(None, (folder, "__pycache__", f"{file.removesuffix('.py')}.{tag}.pyc")))
        header = unbundled.read(compiled)[:8]
        assert header[:4] == importlib.util.MAGIC_NUMBER
        assert header[4:] == b"\1\0\0\0", "PEP 552: hash-based, and never checked"
    assert len([name for name in unbundled.names if name.endswith(".pyc")]) == len(modules)
    assert b"/var/task/demo/app.py" in unbundled.read(f"demo/__pycache__/app.{tag}.pyc")


def test_a_changed_line_changes_only_its_file(tmp_path):
    service = service_in(tmp_path / "mine", {"demo/a.py": "A = 1\n", "demo/b.py": "B = 1\n"})
    cache = tmp_path / "cache"
    before = built(service, cache)
    write(service.root, {"demo/a.py": "A = 2\n"})
    after = built(service, cache)

    assert after.said == [], "the packages are there already"
    changed = {name for name in before.names | after.names if before.artifact.files[name] != after.artifact.files[name]}
    assert changed == {"demo/a.py", f"demo/__pycache__/a.{sys.implementation.cache_tag}.pyc"}
    assert after.artifact.sha256 != before.artifact.sha256

    write(service.root, {"demo/a.py": "A = 1\n"})
    assert built(service, cache).artifact == before.artifact


def test_a_mode_that_changes_is_a_change(tmp_path, cache):
    service = service_in(tmp_path, {"run.sh": "#!/bin/sh\n"})
    before = built(service, cache)
    (tmp_path / "run.sh").chmod(0o755)
    assert built(service, cache).artifact.sha256 != before.artifact.sha256


def test_an_unchanged_service_is_found_again_without_a_word(tmp_path, cache):
    service = service_in(tmp_path)
    first = built(service, cache)
    written = first.artifact.path.stat().st_mtime_ns
    again = built(service, cache)
    assert (again.artifact, again.said, again.warned) == (first.artifact, [], [])
    assert again.artifact.path.stat().st_mtime_ns == written


def test_two_builds_at_once_give_one_artifact(tmp_path):
    service = service_in(tmp_path / "mine")
    said = []

    def tell(text, /, *, warning=False):
        said.append((text, warning))

    async def both():
        options = {"runtime": OWN_RUNTIME, "platform": Platform.ARM64, "cache": tmp_path / "cache"}
        return await asyncio.gather(*(build(service, tell=tell, **options) for _ in range(2)))

    one, other = asyncio.run(both())
    assert one == other
    assert ("Another command packs the packages of mine: waiting for it", False) in said
    assert len([text for text, _ in said if text.startswith("Packing")]) == 1


@pytest.mark.parametrize("kept", ["dependencies", "artifacts/mine"])
@pytest.mark.parametrize("file", ["artifact.zip", "manifest.json"])
def test_a_damaged_cache_is_noticed_and_made_anew(tmp_path, kept, file):
    service = service_in(tmp_path / "mine", {"unique.py": f"WHERE = {kept + file!r}\n"})
    mine = tmp_path / "cache"
    before = built(service, mine)
    for damaged in mine.glob(f"{kept}/*/{file}"):
        content = bytearray(damaged.read_bytes())
        content[len(content) // 2] ^= 0xFF
        damaged.write_bytes(content)

    after = built(service, mine)

    assert "is damaged: making it anew" in after.warned[0]
    assert after.artifact == before.artifact
    assert built(service, mine).warned == []


@pytest.mark.slow
def test_a_disk_that_is_full_is_said_so_and_leaves_nothing_half_written(tmp_path):
    service = service_in(tmp_path / "mine", {"big.bin": os.urandom(2 * 2**20)})
    cache = tmp_path / "cache"
    small = built(service_in(tmp_path / "small"), cache).artifact
    limited = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({2**20}, {2**20}))
from fastlambda_cli.errors import ToolchainError
try:
    exec({BUILDER.replace('"python3.13"', repr(OWN_RUNTIME))!r})
except ToolchainError as problem:
    print(problem.in_one_line())
"""
    command = [sys.executable, "-c", limited, str(service.root), str(cache)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.startswith("Cannot build the artifact of mine: [Errno 27] File too large")
    assert f"{cache / 'artifacts' / 'mine'} can be written to and its disk has room" in said
    assert [path for path in (cache / "artifacts" / "mine").iterdir() if path.is_dir()] == [small.path.parent]
    assert built(service, cache).artifact.files["big.bin"][0] == 2 * 2**20


def test_only_the_latest_artifacts_are_kept(tmp_path, cache):
    for number in range(5):
        service = service_in(tmp_path, {"demo.py": f"A = {number}\n"}, table='name = "kept"')
        last = built(service, cache).artifact
    kept = [path for path in (cache / "artifacts" / "kept").iterdir() if path.is_dir()]
    assert len(kept) == 3
    assert last.path.parent in kept


def test_a_module_that_python_cannot_compile_is_packed_with_a_warning(build_of):
    result = build_of({"demo/broken.py": "def\n"})
    assert result.warned == [f"demo/broken.py is not valid Python {OWN}: importing it will fail"]
    assert "demo/broken.py" in result.names
