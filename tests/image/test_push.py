"""An image goes to a registry once, in the base's own family of media types, with nothing sent that is there."""

from __future__ import annotations

import json
import os

import pytest
from image_registry import digest_of
from images import base_parts, put_base, small_image

from fastlambda_cli.artifact.image.media_types import DOCKER, OCI

BIG = os.urandom(3 * 2**20)


def pushed_image(registry, client, folder, *, family=DOCKER, **options):
    put_base(registry, base_parts(family=family))
    base = client.find(f"{registry.host}/lambda/python:3.13-arm64")
    return small_image(folder, base, **options)


@pytest.mark.parametrize("family", [DOCKER, OCI])
def test_the_registry_holds_one_manifest_of_the_bases_family(registry, client, tmp_path, family):
    image = pushed_image(registry, client, tmp_path, family=family)
    pushed = client.push(image, f"{registry.host}/books:one")

    media_type, content = registry.repository("books").manifests["one"]
    manifest = json.loads(content)
    assert digest_of(content) == image.digest == pushed.reference.digest
    assert media_type == manifest["mediaType"] == family.manifest
    assert manifest["config"]["mediaType"] == family.config
    assert {layer["mediaType"] for layer in manifest["layers"]} == {family.layer}
    assert len(manifest["layers"]) == 4
    blobs = registry.repository("books").blobs
    for blob in (manifest["config"], *manifest["layers"]):
        assert len(blobs[blob["digest"]]) == blob["size"]


def test_the_bases_layers_are_mounted_and_never_fetched(registry, client, tmp_path):
    image = pushed_image(registry, client, tmp_path, big=BIG)
    pushed = client.push(image, f"{registry.host}/books:one")
    assert pushed.mounted == sum(layer.size for layer in image.base.layers)
    assert pushed.uploaded == sum(layer.size for layer in image.layers) + len(image.config)
    assert registry.count("GET", "/lambda/python/blobs/") == 1, "only the configuration"


def test_the_bases_layers_are_sent_where_the_registry_does_not_mount(registry, client, tmp_path):
    registry.mounts = False
    image = pushed_image(registry, client, tmp_path)
    pushed = client.push(image, f"{registry.host}/books:one")
    assert pushed.mounted == 0
    assert pushed.uploaded == image.size + len(image.config)
    assert set(registry.repository("books").blobs) == {
        *(layer.digest for layer in image.descriptors),
        image.config_descriptor.digest,
    }


def test_an_image_that_is_there_costs_one_question(registry, client, tmp_path):
    image = pushed_image(registry, client, tmp_path)
    client.push(image, f"{registry.host}/books:one")
    registry.asked.clear()

    again = client.push(image, f"{registry.host}/books:one")

    assert again.present
    assert again.uploaded == 0
    assert [asked.method for asked in registry.asked] == ["HEAD"]


def test_a_changed_line_sends_the_services_layer_and_the_configuration(registry, client, tmp_path):
    image = pushed_image(registry, client, tmp_path, big=BIG)
    client.push(image, f"{registry.host}/books:one")
    changed = small_image(tmp_path, image.base, big=BIG, app="def handler(event, context):\n    return 'goodbye'\n")
    registry.asked.clear()

    pushed = client.push(changed, f"{registry.host}/books:two")

    assert pushed.uploaded == changed.layers[1].size + len(changed.config)
    assert registry.uploaded() == pushed.uploaded + len(changed.manifest)
    assert registry.uploaded() < 5000


def test_without_a_tag_the_image_gets_one_of_its_digest(registry, client, tmp_path):
    image = pushed_image(registry, client, tmp_path)
    pushed = client.push(image, f"{registry.host}/books")
    assert pushed.tag == image.digest.removeprefix("sha256:")[:16]
    assert pushed.tag in registry.repository("books").manifests


def test_a_layer_that_stands_in_the_base_twice_is_sent_once(registry, client, tmp_path):
    put_base(registry, base_parts(layers=(b"same", b"other")))
    parts = base_parts(layers=(b"same",))
    parts.manifest["layers"] *= 2
    put_base(registry, parts)
    registry.mounts = False
    image = small_image(tmp_path, client.find(f"{registry.host}/lambda/python:3.13-arm64"))
    client.push(image, f"{registry.host}/books:one")
    assert registry.count("PUT", "/blobs/uploads/") == 4


def test_progress_ends_where_the_blob_does(registry, client, tmp_path):
    image = pushed_image(registry, client, tmp_path, big=BIG)
    client.push(image, f"{registry.host}/books:one")
    of_packages = [done for digest, done in client.progress if digest == image.layers[0].digest]
    assert of_packages == sorted(of_packages)
    assert len(of_packages) > 3
    assert of_packages[-1] == image.layers[0].size
