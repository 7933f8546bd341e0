"""Which of the service's files are packed, and which are refused."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from built_artifacts import SHELF, service_in, write

from fastlambda_cli.artifact.collecting import LEFT_OUT, service_files
from fastlambda_cli.errors import ArtifactError, ConfigurationError

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "configuration.md"
KEY = "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"


def names(folder, files=None, *, exclude=(), include=(), **options):
    """The files that are packed of a service, and the warnings."""
    warned = []
    table = f"package = {{ exclude = {list(exclude)}, include = {list(include)} }}"
    service = service_in(folder, files, table=table, **options)
    entries = service_files(service, lambda text, /, *, warning=False: warned.append((text, warning)))
    return [entry.name for entry in entries], warned


def test_a_service_is_packed_with_its_modules_and_its_data(tmp_path):
    found, warned = names(tmp_path, {"demo/__init__.py": "", "demo/data/list.csv": "a,b", "demo/tests/case.py": ""})
    assert found == ["demo/__init__.py", "demo/data/list.csv", "demo/tests/case.py", "lambda_handler.py"]
    assert warned == []


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".git/config",
        ".fastlambda/state.json",
        "demo/.cache/x",
        "demo/__pycache__/x.cpython-313.pyc",
        "demo.egg-info/PKG-INFO",
        "node_modules/x/index.js",
        "tests/test_x.py",
        "test/x.py",
        "build/lib/x.py",
        "dist/x.whl",
        "uv.lock",
        "requirements.lock",
        "requirements-dev.txt",
        "Dockerfile",
        "Makefile",
        "README.rst",
        "CHANGELOG.md",
        "NOTES.md",
        "LICENSE",
        "pyproject.toml",
    ],
)
def test_what_only_development_needs_is_left_out(tmp_path, name):
    files = {} if name == "pyproject.toml" else {name: ""}
    if name == "requirements.lock":
        files = {name: "idna==3.11 --hash=sha256:771a87f49d9defaf64091e6e6fe9c18d4833f140bd19464795bc32d966ca37ea"}
    assert names(tmp_path, files)[0] == ["lambda_handler.py"]


def test_the_documentation_shows_the_rule_as_it_is():
    assert "```gitignore\n" + "\n".join(LEFT_OUT) + "\n```" in DOCUMENTATION.read_text(encoding="utf-8")


def test_a_virtual_environment_is_left_out_by_whatever_name(tmp_path):
    files = {"py/pyvenv.cfg": "", "py/lib/x.py": ""}
    assert names(tmp_path, files)[0] == ["lambda_handler.py"]
    assert names(tmp_path, files, include=["py/"])[0] == ["lambda_handler.py"]


def test_a_package_that_is_installed_from_inside_is_not_packed_twice(tmp_path):
    files = {f"packages/shelf/{name}": text for name, text in SHELF.items()} | {"packages/notes.txt": ""}
    sources = '[tool.uv.sources]\nshelf = { path = "packages/shelf" }'
    found, _ = names(tmp_path, files, dependencies=("shelf",), sources=sources)
    assert found == ["lambda_handler.py", "packages/notes.txt"]


def test_exclude_leaves_out_more(tmp_path):
    found, _ = names(tmp_path, {"notebooks/a.ipynb": "", "demo/a.csv": ""}, exclude=["notebooks/", "*.csv"])
    assert found == ["lambda_handler.py"]


def test_include_has_the_last_word(tmp_path):
    files = {".well-known/a.json": "", "tests/data.json": "", "tests/x.py": "", "demo/a.csv": "", "demo/b.csv": ""}
    include = [".well-known/", "tests/data.json", "demo/a.csv"]
    found, _ = names(tmp_path, files, exclude=["*.csv"], include=include)
    assert found == [".well-known/a.json", "demo/a.csv", "lambda_handler.py", "tests/data.json"]


def test_a_pattern_that_is_none_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"package\.exclude holds a pattern that is none"):
        names(tmp_path, exclude=["!"])


def test_a_blank_pattern_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"package\.exclude\[0\] must be a pattern as in a \.gitignore"):
        names(tmp_path, exclude=[" "])


def test_a_link_inside_the_folder_is_packed_as_what_it_leads_to(tmp_path):
    write(tmp_path, {"shared/a.py": "A = 1"})
    (tmp_path / "alias").symlink_to("shared")
    (tmp_path / "b.py").symlink_to("shared/a.py")
    assert names(tmp_path)[0] == ["alias/a.py", "b.py", "lambda_handler.py", "shared/a.py"]


@pytest.mark.parametrize("target", ["file.py", "folder", "missing"])
def test_a_link_that_leaves_the_folder_is_refused(tmp_path, target):
    write(tmp_path, {"elsewhere/file.py": "", "elsewhere/folder/x.py": ""})
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "out").symlink_to(tmp_path / "elsewhere" / target)
    with pytest.raises(ArtifactError, match=r"service/out is a link that leaves the service's folder") as refused:
        names(tmp_path / "service")
    assert str(tmp_path / "elsewhere" / target) in refused.value.why


def test_a_link_that_leaves_the_folder_and_is_left_out_is_nobodys_concern(tmp_path):
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "out").symlink_to(tmp_path)
    (tmp_path / "service" / ".venv").symlink_to(tmp_path)
    assert names(tmp_path / "service", exclude=["/out"])[0] == ["lambda_handler.py"]


def test_a_link_to_a_folder_above_it_is_refused(tmp_path):
    write(tmp_path, {"demo/x.py": ""})
    (tmp_path / "demo" / "loop").symlink_to(tmp_path / "demo")
    with pytest.raises(ArtifactError, match="is a link to a folder that holds it"):
        names(tmp_path)


def test_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / "gone.py").symlink_to("nothing.py")
    with pytest.raises(ArtifactError, match=r"gone\.py cannot be read: No such file or directory"):
        names(tmp_path)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArtifactError, match="pipe is neither a file nor a folder"):
        names(tmp_path)


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder that the user nobody can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("unreadable", ["secret.bin", "secrets"])
def test_what_cannot_be_read_is_named(nobodys_folder, unreadable):
    service = service_in(nobodys_folder, {"secret.bin": "", "secrets/x": ""})
    (nobodys_folder / unreadable).chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(ArtifactError, match=f"{unreadable} cannot be read: Permission denied") as refused:
            service_files(service, lambda *_, **__: None)
    finally:
        os.seteuid(user)
        (nobodys_folder / unreadable).chmod(0o700)
    assert "package.exclude" in refused.value.remedy


def test_a_name_that_is_not_utf_8_is_refused(tmp_path):
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.txt")).touch()
    with pytest.raises(ArtifactError, match="has a name that is not UTF-8"):
        names(tmp_path)


def test_a_private_key_is_packed_with_a_warning(tmp_path):
    found, warned = names(tmp_path, {"keys/signing.pem": KEY, "ca.pem": "-----BEGIN CERTIFICATE-----\n"})
    assert "keys/signing.pem" in found
    ((text, warning),) = warned
    assert warning
    assert text.startswith("keys/signing.pem holds a private key and is packed")
    assert 'package.exclude = ["/keys/signing.pem"]' in text


def test_a_handler_that_a_pattern_leaves_out_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="handler's module lambda_handler would not be in the artifact"):
        names(tmp_path, exclude=["lambda_*"])


def test_files_that_lambda_would_not_take_are_refused_before_they_are_read(tmp_path):
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(ArtifactError, match=r"own files are 300\.0 MB: Lambda takes 250\.0 MB") as refused:
        names(tmp_path)
    assert "model.bin 300.0 MB" in refused.value.why
