"""Names of images, as docker and podman read them."""

from __future__ import annotations

import pytest

from fastlambda_cli.artifact.image.reference import Reference, is_loopback
from fastlambda_cli.errors import ConfigurationError

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("python", ("docker.io", "library/python", "latest", None)),
        ("someone/app:1", ("docker.io", "someone/app", "1", None)),
        ("public.ecr.aws/lambda/python:3.13-arm64", ("public.ecr.aws", "lambda/python", "3.13-arm64", None)),
        ("localhost/app", ("localhost", "app", "latest", None)),
        ("127.0.0.1:5000/a/b-c__d:x_y", ("127.0.0.1:5000", "a/b-c__d", "x_y", None)),
        (f"ghcr.io/app@{DIGEST}", ("ghcr.io", "app", None, DIGEST)),
        (f"ghcr.io/app:1@{DIGEST}", ("ghcr.io", "app", "1", DIGEST)),
        ("[::1]:5000/app:1", ("[::1]:5000", "app", "1", None)),
    ],
)
def test_a_name_is_read_as_docker_reads_it(text, parts):
    reference = Reference.parse(text)
    assert (reference.registry, reference.repository, reference.tag, reference.digest) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Books",
        "https://ghcr.io/app",
        "ghcr.io/app:",
        "ghcr.io/app:-x",
        "ghcr.io/../app",
        "ghcr.io/app?x=1",
        "ghcr.io/app@sha256:1234",
        "ghcr.io/app@md5:" + "a" * 32,
        "user:password@ghcr.io/app",
    ],
)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(ConfigurationError, match="names no image") as refused:
        Reference.parse(text)
    assert "REGISTRY/REPOSITORY:TAG" in refused.value.remedy


def test_a_digest_has_the_last_word():
    assert Reference.parse(f"ghcr.io/app:1@{DIGEST}").selector == DIGEST
    assert str(Reference.parse("ghcr.io/app:1").at(DIGEST)) == f"ghcr.io/app@{DIGEST}"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_this_machine_is_known_by_its_names(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "127.0.0.1.example", "host"])
def test_no_other_machine_passes_for_this_one(host):
    assert not is_loopback(host)
