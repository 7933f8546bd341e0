"""`fastlambda build`: the zip or the image, what is said of it, and what it is refused for."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile

import pytest
from built_artifacts import OWN_RUNTIME, service_in
from image_registry import Fault, digest_of
from images import base_parts, put_base
from tls_storage import tls_storage

from fastlambda_cli.cli.main import run_command

RUN = "from fastlambda_cli.cli.main import run; run()"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache for all of these tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def service(tmp_path, cache, monkeypatch):
    """A service with one package."""
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(cache))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no logins"))
    return service_in(tmp_path / "mine", table=f'runtime = "{OWN_RUNTIME}"').root


@pytest.fixture
def base(registry):
    """The name of a base image."""
    put_base(registry, base_parts())
    return f"{registry.host}/lambda/python:3.13-arm64"


def test_the_zip_is_written_and_its_packages_weighed(service, tmp_path, capsys):
    target = tmp_path / "out" / "mine.zip"
    assert run_command(["build", str(service), "--output", str(target)]) == 0
    said = capsys.readouterr().out
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert f"sha256:{digest}" in said
    assert "idna" in said
    assert "lambda_handler.py" in zipfile.ZipFile(target).namelist()


@pytest.mark.parametrize(
    ("options", "output"), [((), "mine.zip"), (("--image",), "mine.tar"), (("--image",), "layout")]
)
def test_what_was_built_into_the_services_folder_is_not_packed_the_next_time(service, base, options, output, capsys):
    stands_on = ["--base", base] if options else []
    command = ["build", str(service), *options, *stands_on, "--output", str(service / output), "--json"]
    digests = []
    for _ in range(2):
        assert run_command(command) == 0
        digests.append(json.loads(capsys.readouterr().out)["digest"])
    assert digests[0] == digests[1]

    assert run_command(["build", str(service), "--output", str(service / "other.zip")]) == 0
    packed = zipfile.ZipFile(service / "other.zip").namelist()
    assert not [name for name in packed if name.startswith((output, "other.zip"))]


def test_what_is_deployed_as_an_image_is_built_on_the_configured_base(tmp_path, base, cache, monkeypatch, capsys):
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(cache))
    table = f'runtime = "{OWN_RUNTIME}"\npackage = {{ type = "image", base = "{base}" }}'
    service = service_in(tmp_path / "pictures", table=table).root
    assert run_command(["build", str(service), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["package"], document["base"].partition("@")[0]) == ("image", base.rpartition(":")[0])
    assert run_command(["dockerfile", str(service)]) == 0
    assert f"FROM {document['base']}" in capsys.readouterr().out


def test_machines_are_told_what_was_reused(service, capsys):
    run_command(["build", str(service)])
    capsys.readouterr()
    assert run_command(["build", str(service), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["package"] == "zip"
    assert document["reused"] == ["own", "packages"]
    assert document["packages"][0]["name"] == "idna"


def test_the_image_is_pushed_and_the_base_pinned(service, base, registry, capsys):
    command = ["build", str(service), "--image", "--base", base, "--push", f"{registry.host}/mine:one"]
    assert run_command([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["reference"] == f"{registry.host}/mine@{document['digest']}"
    assert document["digest"] in registry.repository("mine").manifests
    pinned = (service / "fastlambda.image.lock").read_text(encoding="utf-8")
    assert f'"{base}" = "{document["base"].partition("@")[2]}"' in pinned

    assert run_command(command) == 0
    said = capsys.readouterr().out
    assert "everything: nothing has changed" in said
    assert "nothing, it was there" in said


def test_options_of_images_are_refused_for_a_zip(service, capsys):
    assert run_command(["build", str(service), "--push", "registry.example/mine"]) == 2
    assert "--push is about images, and a zip is to be built" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_said_so(service, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert run_command(["build", str(service), "--output", str(tmp_path / "file" / "mine.zip")]) == 4
    assert "Cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("trusted", [True, False])
def test_blobs_may_come_from_where_the_registry_sends_on_to_over_tls(service, tmp_path, registry, trusted):
    parts = base_parts()
    put_base(registry, parts)
    blobs = {digest_of(content): content for content in parts.blobs}
    with tls_storage(tmp_path, blobs) as (address, certificate):
        registry.faults = [
            Fault(
                lambda asked, digest=digest: asked.path.endswith(f"/blobs/{digest}"),
                307,
                {"location": f"{address}/{digest}"},
                times=9,
            )
            for digest in blobs
        ]
        command = ["build", str(service), "--image", "--base", f"{registry.host}/lambda/python:3.13-arm64"]
        # In a process of its own, which has read no certificates yet, and with a cache that has no base.
        variables = {"FASTLAMBDA_CACHE_DIR": str(tmp_path / "cache")}
        ended = subprocess.run(
            [sys.executable, "-c", RUN, *command, "--output", str(tmp_path / "layout")],
            env={**os.environ, **variables, **({"SSL_CERT_FILE": str(certificate)} if trusted else {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    written = {path.name for path in (tmp_path / "layout" / "blobs" / "sha256").glob("*")}
    if trusted:
        assert ended.returncode == 0, ended.stderr
        assert {layer["digest"].partition(":")[2] for layer in parts.manifest["layers"]} <= written
    else:
        assert ended.returncode == 10
        assert "name its certificates in SSL_CERT_FILE" in " ".join(ended.stderr.split())
        assert not written
        assert sum("/blobs/" in asked.path for asked in registry.asked) == 1, "it is not tried again"
