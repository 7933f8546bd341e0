"""The base: found through its registry once, pinned for everybody, and refused where Lambda would refuse the image."""

from __future__ import annotations

import json

import pytest
from image_registry import digest_of
from images import base_parts, put_base

from fastlambda_cli.artifact.image.base import default_base
from fastlambda_cli.artifact.image.media_types import DOCKER, OCI
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.errors import ConfigurationError, ImageNotFoundError, RegistryError, RegistryUnreachableError

TAG = "3.13-arm64"


@pytest.fixture
def name(registry):
    """The base's."""
    return f"{registry.host}/lambda/python:{TAG}"


def put_index(registry, family=OCI, *, attested=True):
    """An index of two images, and what buildx puts beside them."""
    entries = []
    for architecture in ("amd64", "arm64"):
        digest = put_base(registry, base_parts(family=family, architecture=architecture), tag=architecture)
        media_type, content = registry.repository("lambda/python").manifests[digest]
        platform = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": media_type, "digest": digest, "size": len(content), "platform": platform})
    if attested:
        unknown = {"os": "unknown", "architecture": "unknown"}
        entries.insert(0, {**entries[0], "platform": unknown})
    document = {"schemaVersion": 2, "mediaType": family.index, "manifests": entries}
    return registry.manifest("lambda/python", TAG, document)


def test_aws_own_base_is_for_the_runtime_and_the_architecture():
    assert default_base("python3.13", Platform.ARM64) == "public.ecr.aws/lambda/python:3.13-arm64"
    assert default_base("python3.12", Platform.X86_64) == "public.ecr.aws/lambda/python:3.12-x86_64"


@pytest.mark.parametrize("family", [DOCKER, OCI])
@pytest.mark.parametrize(("platform", "architecture"), [(Platform.ARM64, "arm64"), (Platform.X86_64, "amd64")])
def test_an_index_leads_to_the_image_for_the_platform(registry, client, name, family, platform, architecture):
    index = put_index(registry, family)
    base = client.find(name, platform)
    assert base.config["architecture"] == architecture
    assert base.digest == registry_digest(registry, architecture)
    assert index in client.pins.read_text(encoding="utf-8"), "one line for every architecture"


def registry_digest(registry, tag):
    return digest_of(registry.repository("lambda/python").manifests[tag][1])


def test_a_pinned_base_that_has_been_here_needs_no_registry(registry, client, name):
    put_index(registry)
    before = client.find(name)
    registry.asked.clear()
    assert client.find(name) == before
    assert registry.asked == []


def test_a_tag_that_moves_is_followed_when_that_is_asked_for(registry, client, name):
    put_base(registry, base_parts())
    before = client.find(name)
    put_base(registry, base_parts(layers=(b"patched",)))
    assert client.find(name) == before

    after = client.find(name, upgrade=True)

    assert after.digest != before.digest
    assert client.find(name) == after
    assert before.digest not in client.pins.read_text(encoding="utf-8")


def test_a_digest_in_the_name_is_pinned_already(registry, client):
    digest = put_base(registry, base_parts())
    assert client.find(f"{registry.host}/lambda/python@{digest}").digest == digest
    assert not client.pins.exists()


def test_a_colleague_gets_the_same_base_from_the_lock(registry, client, name, tmp_path):
    put_base(registry, base_parts())
    before = client.find(name)
    put_base(registry, base_parts(layers=(b"patched",)))
    client.folder = tmp_path / "colleague"
    client.folder.mkdir()
    client.pins.write_text(client.pins.parents[1].joinpath("client", client.pins.name).read_text("utf-8"), "utf-8")
    assert client.find(name) == before


def test_comments_in_the_lock_stay(registry, client, name):
    client.folder.mkdir()
    client.pins.write_text('# why\n[base]\n"other" = "x"  # kept\n', encoding="utf-8")
    digest = put_base(registry, base_parts())
    client.find(name)
    assert client.pins.read_text("utf-8") == f'# why\n[base]\n"other" = "x"  # kept\n"{name}" = "{digest}"\n'


@pytest.mark.parametrize("text", ["[base", "base = 1\n", '[base]\n"NAME" = "../../etc/passwd"\n'])
def test_a_lock_that_is_damaged_is_said_so(registry, client, name, text):
    put_base(registry, base_parts())
    client.folder.mkdir()
    client.pins.write_text(text.replace("NAME", name), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"fastlambda\.image\.lock cannot be used"):
        client.find(name)


def test_a_blob_that_is_damaged_in_the_cache_is_fetched_again(registry, client, name):
    put_base(registry, base_parts())
    before = client.find(name)
    config = client.folder / "blobs" / before.manifest["config"]["digest"].removeprefix("sha256:")
    config.write_bytes(b"{}")
    assert client.find(name) == before


def test_a_base_that_is_not_there_is_named(client, name):
    with pytest.raises(ImageNotFoundError, match="manifest unknown") as missing:
        client.find(name)
    assert name in str(missing.value)
    assert not client.pins.exists()


def test_a_registry_that_is_out_of_reach_is_told_with_the_way_round_it(client):
    with pytest.raises(RegistryUnreachableError, match=r"Could not reach 127\.0\.0\.1:1") as refused:
        client.find(f"127.0.0.1:1/lambda/python:{TAG}")
    assert "check the network" in refused.value.remedy.lower()
    assert "package.base" in refused.value.remedy


def test_a_base_for_another_processor_is_refused_and_not_pinned(registry, client, name):
    put_base(registry, base_parts(architecture="amd64"))
    with pytest.raises(RegistryError, match="is for linux/amd64: the function needs linux/arm64"):
        client.find(name)
    assert not client.pins.exists()


def test_an_index_without_the_platform_says_what_it_has(registry, client, name):
    put_base(registry, base_parts())
    platform = {"os": "linux", "architecture": "s390x"}
    entry = {"mediaType": OCI.manifest, "digest": digest_of(b""), "size": 1, "platform": platform}
    registry.manifest("lambda/python", TAG, {"schemaVersion": 2, "mediaType": OCI.index, "manifests": [entry]})
    with pytest.raises(RegistryError, match="has no image for linux/arm64: it has linux/s390x"):
        client.find(name)


@pytest.mark.parametrize(
    "layer",
    [
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ],
)
def test_layers_that_lambda_does_not_take_are_refused(registry, client, name, layer):
    parts = base_parts(family=OCI)
    parts.manifest["layers"][1]["mediaType"] = layer
    put_base(registry, parts)
    with pytest.raises(RegistryError, match="has layers that Lambda does not take") as refused:
        client.find(name)
    assert layer in refused.value.why


@pytest.mark.parametrize("entrypoint", [None, ["python3"]])
def test_an_entrypoint_that_lambda_could_not_start_is_refused(registry, client, name, entrypoint):
    put_base(registry, base_parts(entrypoint=entrypoint))
    with pytest.raises(RegistryError, match="has no entrypoint that Lambda could start"):
        client.find(name)


@pytest.mark.parametrize("content", [{"schemaVersion": 1, "mediaType": "application/vnd.old+json"}, [1]])
def test_what_is_no_image_is_said_so(registry, client, name, content):
    raw = json.dumps(content).encode()
    registry.repository("lambda/python").manifests[TAG] = ("application/json", raw)
    with pytest.raises(RegistryError, match="is no image"):
        client.find(name)
