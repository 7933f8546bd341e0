"""The packages of the artifact: for Lambda's processor, from the lock, or refused with a way out."""

from __future__ import annotations

import re
import subprocess
import zipfile
from importlib.metadata import distributions

import pytest
from built_artifacts import IDNA, SHELF, built, service_in
from uv import find_uv_bin

from fastlambda_cli.artifact.interpreter import OWN
from fastlambda_cli.artifact.lock import locked_names
from fastlambda_cli.artifact.model import MAX_UNPACKED, Platform, megabytes
from fastlambda_cli.artifact.platforms import platform_flags
from fastlambda_cli.errors import ArtifactError, ConfigurationError, FastLambdaError, ToolchainError
from fastlambda_cli.service.load import load_service

MACHINES = {Platform.ARM64: 0xB7, Platform.X86_64: 0x3E}
SOURCES = '[tool.uv.sources]\nshelf = { path = "shelf" }'
SETUPTOOLS = """
[project]
name = "shelf"
version = "1"
[build-system]
requires = ["setuptools>=80"]
build-backend = "setuptools.build_meta"
"""


def shelf(files):
    return {f"shelf/{name}": content for name, content in files.items()}


@pytest.mark.parametrize("platform", [Platform.ARM64, Platform.X86_64])
def test_binaries_are_for_the_processor_of_the_function(tmp_path, cache, platform):
    result = built(service_in(tmp_path, dependencies=("markupsafe==3.0.3",)), cache, platform=platform)
    (binary,) = (name for name in result.names if name.endswith(".so"))
    header = result.read(binary)[:20]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little") == MACHINES[platform]


def test_packages_of_this_machine_can_be_imported_here(tmp_path, cache):
    result = built(service_in(tmp_path, dependencies=("markupsafe==3.0.3",)), cache, platform=Platform.THIS_MACHINE)
    suffixes = {name.removeprefix("markupsafe/_speedups") for name in result.names if "_speedups.c" in name}
    assert any(f"-{OWN.replace('.', '')}-" in suffix for suffix in suffixes)


def test_python_3_11_runs_on_an_older_system_than_later_ones():
    assert "x86_64-manylinux_2_17" in platform_flags(Platform.X86_64, "3.11")
    assert "aarch64-manylinux_2_34" in platform_flags(Platform.ARM64, "3.12")


def test_the_lock_of_uv_is_read_again_only_when_it_or_the_project_has_changed(tmp_path, cache):
    sources = '[dependency-groups]\ndev = ["six==1.17.0"]'
    service = service_in(tmp_path / "mine", sources=sources)
    (service.root / "requirements.lock").unlink()
    subprocess.run([find_uv_bin(), "lock", "--quiet"], cwd=service.root, check=True)
    service = load_service(service.root)
    exported = service.root / ".fastlambda" / "uv-lock.txt"

    built(service, cache)
    assert locked_names(exported) == {"idna"}
    exported.write_text(exported.read_text().replace("idna", "six"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="it has no idna"):
        built(service, cache)

    project = service.root / "pyproject.toml"
    project.write_text(
        project.read_text().replace("[tool.fastlambda]", "[tool.uv]\n[tool.fastlambda]"), encoding="utf-8"
    )
    built(load_service(service.root), cache)
    assert locked_names(exported) == {"idna"}


def test_a_package_without_a_wheel_is_named_with_the_way_out(build_of):
    with pytest.raises(ArtifactError, match="psycopg2 has no wheel for Lambda's arm64") as refused:
        build_of(dependencies=("psycopg2==2.9.10",))
    assert "has no usable wheels" in refused.value.why
    assert "[tool.uv.sources]" in refused.value.remedy


@pytest.mark.parametrize("lock", ["uv.lock", "pylock.toml"])
def test_a_lock_that_knows_how_large_a_package_without_a_wheel_is_tells(tmp_path, cache, lock):
    service = service_in(tmp_path / "mine", dependencies=("psycopg2==2.9.10",))
    uv = [find_uv_bin(), "--quiet"]
    subprocess.run([*uv, "lock"], cwd=service.root, check=True)
    locked = (service.root / "uv.lock").read_text(encoding="utf-8")
    size = int(re.search(r'name = "psycopg2".*?sdist = \{[^}]*size = (\d+)', locked, re.DOTALL)[1])
    if lock == "pylock.toml":
        export = ["export", "--frozen", "--no-dev", "--no-emit-project", "--output-file", lock]
        subprocess.run([*uv, *export], cwd=service.root, check=True, stdout=subprocess.DEVNULL)
        (service.root / "uv.lock").unlink()
    with pytest.raises(ArtifactError) as refused:
        built(load_service(service.root), cache)
    assert refused.value.what == f"psycopg2 has no wheel for Lambda's arm64, only {megabytes(size)} of source code"


def test_a_package_without_a_wheel_leaves_nothing_behind(tmp_path):
    with pytest.raises(ArtifactError):
        built(service_in(tmp_path / "mine", dependencies=("psycopg2==2.9.10",)), tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_lock_that_lacks_a_dependency_is_out_of_date(build_of):
    locked = "idna==3.11 \\\n    --hash=sha256:771a87f49d9defaf64091e6e6fe9c18d4833f140bd19464795bc32d966ca37ea\n"
    with pytest.raises(ConfigurationError, match=r"requirements\.lock is out of date: it has no six"):
        build_of({"requirements.lock": locked}, dependencies=("idna", "six"))


def test_a_lock_that_is_made_here_is_kept_out_of_git(build_of, tmp_path):
    build_of(dependencies=("idna",))
    assert (tmp_path / "service" / ".fastlambda" / ".gitignore").read_text() == "*\n"


def test_a_folder_where_no_lock_can_be_kept_is_said_so(build_of):
    with pytest.raises(FastLambdaError, match=r"Cannot keep local state in .*/\.fastlambda: File exists"):
        build_of({".fastlambda": "a file"}, dependencies=("idna",))


def test_a_package_whose_hash_is_wrong_is_refused(build_of):
    with pytest.raises(ToolchainError, match="Cannot pack the packages of mine") as refused:
        build_of({"requirements.lock": f"idna==3.11 --hash=sha256:{'0' * 64}\n"})
    assert "idna" in refused.value.why


def test_a_package_beside_the_service_is_built_and_followed(build_of):
    first = build_of(shelf(SHELF), dependencies=("shelf",), sources=SOURCES)
    assert "Building shelf from shelf" in first.said
    assert first.read("shelf/__init__.py") == b"WOOD = 'oak'\n"
    assert "shelf-1.dist-info/METADATA" in first.names

    second = build_of(
        shelf({**SHELF, "src/shelf/__init__.py": "WOOD = 'maple'\n"}), dependencies=("shelf",), sources=SOURCES
    )
    assert second.read("shelf/__init__.py") == b"WOOD = 'maple'\n"


PYLOCK = f"""
lock-version = "1.0"
created-by = "a test"
[[packages]]
name = "mine"
directory = {{ path = "." }}
[[packages]]
name = "idna"
version = "3.11"
marker = "python_version >= '3.9'"
[[packages.wheels]]
url = "https://example.org/idna-3.11-py3-none-any.whl"
hashes = {{ sha256 = "{IDNA.split(":")[1].strip()}" }}
"""
SIX = """
name = "six"
version = "1.17.0"
sdist = { url = "https://example.org/six-1.17.0.tar.gz", hashes = { sha256 = "0" } }
"""


def pylocked(folder, text):
    service = service_in(folder, {"pylock.toml": text})
    (service.root / "requirements.lock").unlink()
    return load_service(service.root)


def test_what_a_pylock_has_is_packed(tmp_path, cache):
    result = built(pylocked(tmp_path / "mine", PYLOCK), cache)
    assert "idna-3.11.dist-info/METADATA" in result.names
    assert "pylock.toml" not in result.names
    assert not [text for text in result.said if "has no lock" in text]


@pytest.mark.parametrize(
    ("package", "problem"),
    [
        ('name = "six"\nvcs = { type = "git", url = "https://example.org/six", commit-id = "1" }', "has six without"),
        (f"{SIX}marker = \"'dev' in dependency_groups\"", "is for several uses"),
        ('name = "six"\nversion = "a release"', "is no lock"),
    ],
)
def test_a_pylock_that_cannot_be_installed_by_hashes_is_refused(tmp_path, cache, package, problem):
    with pytest.raises(ConfigurationError, match=problem) as refused:
        built(pylocked(tmp_path / "mine", f"{PYLOCK}[[packages]]\n{package}\n"), cache)
    assert refused.value.remedy


def test_a_pylock_that_lacks_a_dependency_is_out_of_date(tmp_path, cache):
    with pytest.raises(ConfigurationError, match=r"pylock\.toml is out of date: it has no idna"):
        built(pylocked(tmp_path / "mine", PYLOCK.replace('name = "idna"', 'name = "six"')), cache)


PACKAGED = "version = '2.0'\n[build-system]\nrequires = ['uv_build']\n"


@pytest.mark.parametrize(
    ("project", "told"),
    [
        (PACKAGED, True),
        (f"{PACKAGED}[tool.uv]\npackage = false\n", False),
        ("version = '2.0'\n[tool.uv]\npackage = true\n", True),
        ("version = '2.0'\n", False),
        (PACKAGED.replace("version = '2.0'", "dynamic = ['version']"), False),
    ],
)
def test_a_project_that_is_a_package_can_ask_for_its_own_version(tmp_path, cache, project, told):
    service_in(tmp_path / "mine")
    pyproject = f"[project]\nname = 'My-Books'\ndependencies = ['idna==3.11']\n{project}"
    (tmp_path / "mine" / "pyproject.toml").write_text(pyproject, encoding="utf-8")

    result = built(load_service(tmp_path / "mine"), cache)

    with zipfile.ZipFile(result.artifact.path) as packed:
        packed.extractall(tmp_path / "unpacked")
    found = {each.name: each.version for each in distributions(path=[str(tmp_path / "unpacked")])}
    assert found == ({"idna": "3.11", "My-Books": "2.0"} if told else {"idna": "3.11"})


def test_an_extra_of_a_package_beside_the_service_is_packed_too(build_of):
    project = SHELF["pyproject.toml"] + '[project.optional-dependencies]\npolish = ["idna==3.11"]\n'
    result = build_of(shelf({**SHELF, "pyproject.toml": project}), dependencies=("shelf[polish]",), sources=SOURCES)
    assert {"shelf/__init__.py", "idna/__init__.py"} <= result.names


@pytest.mark.slow
def test_a_package_whose_build_leaves_files_behind_is_not_built_again(build_of):
    files = shelf({"pyproject.toml": SETUPTOOLS, "shelf.py": "WOOD = 'oak'\n"})
    first = build_of(files, dependencies=("shelf",), sources=SOURCES)
    assert "Building shelf from shelf" in first.said
    again = build_of(dependencies=("shelf",), sources=SOURCES)
    assert (again.artifact, again.said) == (first.artifact, [])


@pytest.mark.slow
def test_a_package_beside_the_service_that_is_not_for_the_processor_is_refused(build_of):
    setup = "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('shelf', ['shelf.c'])])\n"
    module = '#include <Python.h>\nstatic struct PyModuleDef d = {PyModuleDef_HEAD_INIT, "shelf"};\n'
    code = f"{module}PyMODINIT_FUNC PyInit_shelf(void) {{ return PyModule_Create(&d); }}\n"
    files = {"pyproject.toml": SETUPTOOLS, "setup.py": setup, "shelf.c": code}
    with pytest.raises(ArtifactError, match=r"shelf has no wheel for Lambda's arm64") as refused:
        build_of(shelf(files), dependencies=("shelf",), sources=SOURCES)
    assert "shelf" in refused.value.why


def test_binaries_for_another_processor_are_refused_whatever_the_wheel_is_called(build_of):
    files = {**SHELF, "src/shelf/fast.so": b"\x7fELF" + b"\0" * 14 + b"\x3e\0"}
    with pytest.raises(ArtifactError, match="shelf is not built for arm64"):
        build_of(shelf(files), dependencies=("shelf",), sources=SOURCES)


def test_binaries_for_several_processors_are_fine(build_of):
    binaries = {f"src/shelf/{n}.so": b"\x7fELF" + b"\0" * 14 + bytes([n, 0]) for n in MACHINES.values()}
    result = build_of(shelf({**SHELF, **binaries}), dependencies=("shelf",), sources=SOURCES)
    assert {"shelf/62.so", "shelf/183.so"} <= result.names


@pytest.mark.parametrize(
    ("own", "hidden"),
    [("idna.py", "idna/__init__.py"), ("idna/core.py", "idna/core.py"), ("idna/mine.py", "idna/__init__.py")],
)
def test_a_file_that_hides_a_package_is_refused_with_both_names(build_of, own, hidden):
    with pytest.raises(ArtifactError, match=rf"The service's {own} hides {hidden} of a locked package"):
        build_of({own: ""})


def test_a_namespace_may_have_parts_in_the_service_and_in_a_package(build_of):
    namespace = {
        **SHELF,
        "pyproject.toml": SHELF["pyproject.toml"] + '[tool.uv.build-backend]\nmodule-name = "wood.shelf"\n',
    }
    del namespace["src/shelf/__init__.py"]
    namespace["src/wood/shelf/__init__.py"] = ""
    result = build_of({**shelf(namespace), "wood/chair.py": ""}, dependencies=("shelf",), sources=SOURCES)
    assert {"wood/shelf/__init__.py", "wood/chair.py"} <= result.names


def test_what_is_too_large_for_lambda_is_refused_with_the_heaviest_packages(tmp_path, cache):
    service = service_in(tmp_path)
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(MAX_UNPACKED - 1000)
    with pytest.raises(
        ArtifactError, match=r"The artifact would be 250\.\d MB unzipped: Lambda takes 250\.0 MB"
    ) as refused:
        built(service, cache)
    assert "own files are 250.0 MB, the heaviest packages idna 0." in refused.value.why


def test_without_an_interpreter_of_the_function_there_is_no_bytecode_and_a_warning(tmp_path, cache, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path))
    other = next(version for version in ("3.13", "3.12") if version != OWN)
    result = built(service_in(tmp_path / "mine"), cache, runtime=f"python{other}")
    assert result.warned[0].startswith(f"Python {other} is not on this machine, so what is packed now has no bytecode")
    assert f"uv python install {other}" in result.warned[0]
    assert not [name for name in result.names if name.endswith(".pyc")]

    with pytest.raises(ToolchainError, match=f"Python {other} is not on this machine: the function runs on it here"):
        built(service_in(tmp_path / "mine"), cache, runtime=f"python{other}", platform=Platform.THIS_MACHINE)
