"""The Dockerfile for those who have Docker: the same base, packages, files and command."""

from __future__ import annotations

import pytest
from built_artifacts import SHELF, service_in

from fastlambda_cli.cli.main import run_command

LOCK = "idna==3.11 \\\n    --hash=sha256:771a87f49d9defaf64091e6e6fe9c18d4833f140bd19464795bc32d966ca37ea\n"
TABLE = 'runtime = "python3.13"'
BASE = "public.ecr.aws/lambda/python:3.13-arm64"
DIGEST = f"sha256:{'a' * 64}"


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
    assert "#   uv build --wheel --out-dir wheels shelf" in lines
    assert 'COPY ["wheels", "/tmp/wheels"]' in lines
    assert any(line.endswith("wheels/*.whl && \\") for line in lines)


def test_a_lock_of_uv_is_exported_first(printed):
    lines = printed({"uv.lock": "version = 1\n"}, locked=False)
    assert any(line.startswith("#   uv export --no-dev") for line in lines)
    assert 'COPY ["requirements.txt", "/tmp/requirements.txt"]' in lines
