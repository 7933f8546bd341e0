"""Logins as docker and podman keep them, found without asking anybody else."""

from __future__ import annotations

import base64
import json
import os
import stat

import pytest

from fastlambda_cli.artifact.image.authentication import Login
from fastlambda_cli.artifact.image.logins import KeptLogins, login_files
from fastlambda_cli.aws.registry import region_of_registry
from fastlambda_cli.errors import RegistryLoginError

AUTH = base64.b64encode(b"ann:s3:cret").decode()


def kept(folder, document):
    file = folder / "config.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return KeptLogins([folder / "missing.json", file])


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """Makes a credential helper called test that answers with this script's output."""

    def make(script):
        program = tmp_path / "bin" / "docker-credential-test"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return make


def test_a_login_in_the_file_is_found_by_the_host(tmp_path):
    logins = kept(tmp_path, {"auths": {"ghcr.io": {"auth": AUTH}}})
    assert logins("ghcr.io") == Login("ann", "s3:cret")
    assert logins("other.example") is None


def test_docker_hub_has_a_name_of_its_own(tmp_path):
    assert kept(tmp_path, {"auths": {"https://index.docker.io/v1/": {"auth": AUTH}}})("docker.io") is not None


def test_an_identity_token_has_no_user(tmp_path):
    logins = kept(tmp_path, {"auths": {"ghcr.io": {"identitytoken": "abc", "auth": AUTH}}})
    assert logins("ghcr.io") == Login("", "abc")


@pytest.mark.parametrize("key", ["credHelpers", "credsStore"])
def test_a_helper_is_asked_over_a_pipe(tmp_path, helper, key):
    helper('read host; echo "{\\"Username\\": \\"ann\\", \\"Secret\\": \\"for $host\\"}"')
    document = {key: {"ghcr.io": "test"} if key == "credHelpers" else "test"}
    assert kept(tmp_path, document)("ghcr.io") == Login("ann", "for ghcr.io")


def test_a_helper_that_knows_nothing_is_no_error(tmp_path, helper):
    helper("echo 'credentials not found in native keychain'; exit 1")
    assert kept(tmp_path, {"credsStore": "test"})("ghcr.io") is None


@pytest.mark.parametrize("script", ["echo broken; exit 1", "echo s3cret"])
def test_a_helper_that_fails_is_said_so_and_its_answer_is_not(tmp_path, helper, script):
    helper(script)
    with pytest.raises(RegistryLoginError, match="docker-credential-test") as failed:
        kept(tmp_path, {"credsStore": "test"})("ghcr.io")
    assert "s3cret" not in failed.value.in_one_line()


def test_a_helper_that_is_missing_is_said_so(tmp_path):
    with pytest.raises(RegistryLoginError, match="docker-credential-nowhere does not run"):
        kept(tmp_path, {"credsStore": "nowhere"})("ghcr.io")


@pytest.mark.parametrize("document", ["{", "[]", '{"auths": {"ghcr.io": {"auth": "!"}}}'])
def test_a_damaged_file_is_said_so(tmp_path, document):
    with pytest.raises(RegistryLoginError, match=r"config\.json cannot be used"):
        kept(tmp_path, document)("ghcr.io")


def test_a_login_is_not_shown():
    assert "s3cret" not in repr(Login("ann", "s3cret"))


def test_the_files_are_those_of_podman_and_docker(monkeypatch, tmp_path):
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/a.json")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    found = [str(file) for file in login_files()]
    assert found == ["/a.json", "/run/user/1/containers/auth.json", str(tmp_path / "config.json")]


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("111122223333.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
        ("public.ecr.aws", None),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com.example", None),
    ],
)
def test_a_registry_of_amazon_ecr_is_known_by_its_host(host, region):
    assert region_of_registry(host) == region
