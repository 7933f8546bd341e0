"""What an index has decides what is locked, and whether what is locked can be built."""

from __future__ import annotations

import pytest
from built_artifacts import built, service_in
from wheel_index import wheel_index

from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.errors import ArtifactError, ToolchainError


@pytest.fixture
def index(tmp_path, monkeypatch):
    """An index that uv asks and has never asked before."""
    with wheel_index(tmp_path / "index") as running:
        monkeypatch.setenv("UV_DEFAULT_INDEX", running.url)
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
        yield running


def test_a_locked_wheel_that_was_yanked_is_packed_with_a_warning_that_says_why(index, tmp_path):
    index.yank("loses books")
    service = service_in(tmp_path / "mine", {"requirements.lock": index.lock}, dependencies=("shelf",))
    result = built(service, tmp_path / "cache")
    assert result.read("shelf/__init__.py") == b"WOOD = 'oak'\n"
    assert result.warned == ['shelf==1 is locked, and its publishers have withdrawn it, for this reason: "loses books"']


def test_a_locked_wheel_that_was_deleted_is_named_nothing_is_left_and_the_next_build_works(index, tmp_path):
    service = service_in(tmp_path / "mine", {"requirements.lock": index.lock}, dependencies=("shelf",))
    cache = tmp_path / "cache"
    content = index.wheel.read_bytes()
    index.wheel.unlink()
    with pytest.raises(ToolchainError, match="Cannot pack the packages of mine") as refused:
        built(service, cache)
    assert refused.value.why.startswith("error: Failed to download `shelf==1`")
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]

    index.wheel.write_bytes(content)
    assert "shelf/__init__.py" in built(service, cache).names


NEWER_THAN_AMAZON_LINUX_2 = "py3-none-manylinux_2_28_aarch64"
FITS_ANY = "py3-none-manylinux2014_aarch64"


@pytest.mark.parametrize(("runtime", "version"), [("python3.11", "1"), ("python3.12", "2")])
def test_what_is_locked_here_is_the_newest_version_with_a_wheel_for_the_runtimes_system(
    index, tmp_path, runtime, version
):
    index.wheel.unlink()
    index.add("1", FITS_ANY)
    index.add("2", NEWER_THAN_AMAZON_LINUX_2)
    service = service_in(tmp_path / "mine", dependencies=("shelf",))
    assert f"shelf-{version}.dist-info/METADATA" in built(service, tmp_path / "cache", runtime=runtime).names


def test_another_architecture_is_locked_anew(index, tmp_path):
    index.wheel.unlink()
    index.add("1", FITS_ANY.replace("aarch64", "x86_64"))
    index.add("2", FITS_ANY)
    built(service_in(tmp_path / "mine", dependencies=("shelf",)), tmp_path / "cache")
    service = service_in(tmp_path / "mine", dependencies=("shelf",), table='architecture = "x86_64"')
    result = built(service, tmp_path / "cache", platform=Platform.X86_64)
    assert "shelf-1.dist-info/METADATA" in result.names


@pytest.mark.parametrize("marker", ["", " ; python_full_version < '3.14'"])
def test_a_wheel_for_a_newer_system_than_the_runtimes_is_told_with_the_way_out(index, tmp_path, marker):
    index.wheel.unlink()
    index.add("2", NEWER_THAN_AMAZON_LINUX_2)
    lock = f"shelf==2{marker} --hash=sha256:{'0' * 64}\n"
    service = service_in(tmp_path / "mine", {"requirements.lock": lock}, dependencies=("shelf",))
    with pytest.raises(ArtifactError, match="shelf has no wheel for Lambda's arm64") as refused:
        built(service, tmp_path / "cache", runtime="python3.11")
    assert "Python 3.11 runs on Amazon Linux 2, with glibc 2.26" in refused.value.remedy
    assert "package.dockerfile" in refused.value.remedy
