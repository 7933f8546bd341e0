"""The image's configuration: the base's, with our command, layers and history, and the same whenever it is made."""

from __future__ import annotations

import json

from images import ENTRYPOINT, base_parts, small_image

from fastlambda_cli.artifact.image.media_types import OCI


def config_of(tmp_path, **options):
    image = small_image(tmp_path, base_parts(**options).base())
    return image, json.loads(image.config)


def test_the_bases_entrypoint_environment_and_labels_stay(tmp_path):
    _, config = config_of(tmp_path)
    assert config["config"] == {
        "Entrypoint": ENTRYPOINT,
        "Env": ["LAMBDA_TASK_ROOT=/var/task"],
        "Labels": {"a": "b"},
        "Cmd": ["lambda_handler.handler"],
        "WorkingDir": "/var/task",
    }
    assert config["architecture"] == "arm64"
    assert "container_config" not in config


def test_there_is_one_diff_id_and_one_history_entry_a_layer(tmp_path):
    image, config = config_of(tmp_path)
    assert config["rootfs"]["diff_ids"][-2:] == [layer.diff_id for layer in image.layers]
    assert len(config["rootfs"]["diff_ids"]) == len(config["history"]) == len(image.descriptors) == 4


def test_the_image_is_the_same_whenever_and_wherever_it_is_made(tmp_path):
    first, config = config_of(tmp_path / "one")
    assert config["created"] == "1970-01-01T00:00:00Z"
    assert config_of(tmp_path / "two")[0].digest == first.digest
    assert config_of(tmp_path / "two", family=OCI)[0].digest != first.digest


def test_the_size_is_that_of_all_layers(tmp_path):
    image, _ = config_of(tmp_path)
    parts = base_parts()
    assert image.size == sum(len(blob) for blob in parts.blobs[1:]) + sum(layer.size for layer in image.layers)
