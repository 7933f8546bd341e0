"""The Dockerfile for those who have Docker: the same base, packages, files and command."""

from __future__ import annotations

import json
import shlex
import subprocess
import tarfile

import pytest
from built_artifacts import OWN_RUNTIME, SHELF, bookshop, service_in
from images import base_parts, put_base

from fastlambda_cli.artifact.bundling import BUNDLE
from fastlambda_cli.artifact.interpreter import own_python
from fastlambda_cli.cli.main import run_command
from fastlambda_cli.service.load import load_service

LOCK = "idna==3.11 \\\n    --hash=sha256:771a87f49d9defaf64091e6e6fe9c18d4833f140bd19464795bc32d966ca37ea\n"
TABLE = 'runtime = "python3.13"'
BASE = "public.ecr.aws/lambda/python:3.13-arm64"
RECORDS = "import dataclasses\n\n\n@dataclasses.dataclass\nclass Record:\n    title: str\n"
DIGEST = f"sha256:{'a' * 64}"


def unpack_packages(layout, folder):
    """Unpack the layer with the packages of an image; the service's own files lie on top of it."""
    blobs = layout / "blobs" / "sha256"
    index = json.loads((layout / "index.json").read_text(encoding="utf-8"))
    manifest = json.loads((blobs / index["manifests"][0]["digest"].partition(":")[2]).read_bytes())
    with tarfile.open(blobs / manifest["layers"][-2]["digest"].partition(":")[2]) as tar:
        tar.extractall(folder, filter="data")


@pytest.fixture
def printed(tmp_path, capsys):
    """What is printed of a service with these files, line by line."""

    def make(files=None, *, locked=True, **options):
        service = service_in(tmp_path / "mine", files, table=TABLE, **options)
        if not locked:
            (service.root / "requirements.lock").unlink()
        assert run_command(["dockerfile", str(service.root)]) == 0
        return capsys.readouterr().out.splitlines()

    return make


def test_it_copies_installs_compiles_and_names_the_handler(printed):
    lines = printed({"requirements.lock": LOCK, "demo/app.py": "", "demo/data/x.csv": "", "tests/x.py": ""})
    assert f"FROM {BASE}" in lines
    assert [line for line in lines if line.startswith("COPY")] == [
        'COPY ["requirements.lock", "/tmp/requirements.txt"]',
        'COPY ["lambda_handler.py", "/var/task/"]',
        'COPY ["demo", "/var/task/demo"]',
    ]
    assert any("--require-hashes --only-binary :all:" in line for line in lines)
    assert sum("--invalidation-mode unchecked-hash" in line for line in lines) == 2
    assert lines[-1] == 'CMD ["lambda_handler.handler"]'


def test_it_says_how_to_build_for_lambda(printed):
    lines = printed({"requirements.lock": LOCK})
    assert "#   docker build --provenance=false --platform linux/arm64 --tag mine ." in lines


def test_the_base_is_the_one_that_is_pinned(printed):
    lines = printed({"requirements.lock": LOCK, "fastlambda.image.lock": f'[base]\n"{BASE}" = "{DIGEST}"\n'})
    assert f"FROM public.ecr.aws/lambda/python@{DIGEST}" in lines


def test_packages_beside_the_service_come_as_wheels(printed):
    files = {"requirements.lock": LOCK} | {f"shelf/{name}": text for name, text in SHELF.items()}
    lines = printed(files, dependencies=("idna", "shelf"), sources='[tool.uv.sources]\nshelf = { path = "shelf" }')
    assert "#   uv build --wheel --out-dir Dockerfile.wheels shelf" in lines
    assert 'COPY ["Dockerfile.wheels", "/tmp/wheels"]' in lines
    assert any(line.endswith("wheels/*.whl && \\") for line in lines)


def test_a_lock_of_uv_is_exported_first(printed):
    lines = printed({"uv.lock": "version = 1\n"}, locked=False)
    assert any(line.startswith("#   uv export --no-dev") for line in lines)
    assert 'COPY ["Dockerfile.requirements.txt", "/tmp/requirements.txt"]' in lines


def test_a_lock_that_pip_does_not_read_is_told_with_the_way_out(tmp_path, capsys):
    service = service_in(tmp_path, {"pylock.toml": ""}, table=TABLE)
    (service.root / "requirements.lock").unlink()
    assert run_command(["dockerfile", str(service.root)]) == 2
    assert "uv pip compile --generate-hashes" in " ".join(capsys.readouterr().err.split())


def test_what_is_exported_for_it_does_not_stand_in_for_the_lock(printed, tmp_path):
    printed({"uv.lock": "version = 1\n", "Dockerfile.requirements.txt": LOCK}, locked=False)
    assert load_service(tmp_path / "mine").lock == tmp_path / "mine" / "uv.lock"


def test_what_its_commands_leave_in_the_folder_is_no_part_of_the_service(printed, tmp_path):
    (tmp_path / "mine" / "Dockerfile.wheels").mkdir(parents=True)
    (tmp_path / "mine" / "Dockerfile.wheels" / "shelf-1-py3-none-any.whl").touch()
    (tmp_path / "mine" / "Dockerfile.bundler.py").touch()
    assert [line for line in printed() if line.startswith("COPY")] == [
        'COPY ["requirements.lock", "/tmp/requirements.txt"]',
        'COPY ["lambda_handler.py", "/var/task/"]',
    ]


def test_it_writes_the_metadata_of_a_project_that_is_a_package(printed, tmp_path):
    lines = printed(sources="[build-system]\nrequires = ['uv_build']\n")
    (step,) = (line.removeprefix("RUN ") for line in lines if "METADATA" in line)
    subprocess.run(["sh", "-e", "-c", step.replace("/var/task", str(tmp_path))], check=True)
    assert (tmp_path / "mine-1.dist-info" / "METADATA").read_text() == "Metadata-Version: 2.1\nName: mine\nVersion: 1\n"


def test_its_bundle_is_that_of_the_built_image(tmp_path, registry, monkeypatch, capsys):
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path / "cache"))
    put_base(registry, base_parts())
    service = bookshop(tmp_path, table=f'runtime = "{OWN_RUNTIME}"').root
    (tmp_path / "shelf" / "src" / "shelf" / "records.py").write_text(RECORDS, encoding="utf-8")
    base = f"{registry.host}/lambda/python:3.13-arm64"
    assert run_command(["build", str(service), "--image", "--base", base, "--output", str(tmp_path / "layout")]) == 0
    unpack_packages(tmp_path / "layout", tmp_path / "image")
    task = tmp_path / "image" / "var" / "task"
    made = (task / BUNDLE).read_bytes()
    assert b"shelf.records" in made
    (task / BUNDLE).unlink()
    capsys.readouterr()

    assert run_command(["dockerfile", "--bundler"]) == 0
    (tmp_path / "bundler.py").write_text(capsys.readouterr().out, encoding="utf-8")
    assert run_command(["dockerfile", str(service)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "#   fastlambda dockerfile --bundler > Dockerfile.bundler.py" in lines
    (step,) = (line.strip().removesuffix(" && \\") for line in lines if "python -I -S" in line)
    arguments = shlex.split(step.replace("/var/task", str(task)))
    assert arguments[:3] == ["python", "-I", "-S"]
    subprocess.run([own_python(), *arguments[1:3], tmp_path / "bundler.py", *arguments[4:]], check=True)

    assert (task / BUNDLE).read_bytes() == made


def test_a_handler_that_does_not_begin_with_the_runtime_gets_no_bundle(printed):
    assert not [line for line in printed() if "bundler" in line and not line.strip().startswith("rm")]
