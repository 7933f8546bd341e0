"""What a person and a machine read of a deployment that is a container image."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import deployment_records as records
from rich.console import Console

from fastlambda_cli.cli.documents import plan_document, release_document
from fastlambda_cli.cli.views.building import upload_of
from fastlambda_cli.cli.views.layout import Place
from fastlambda_cli.cli.views.plan import plan_view
from fastlambda_cli.cli.views.stack import releases_view, status_view
from fastlambda_cli.deploy.artifact_change import artifact_change
from fastlambda_cli.deploy.model import PublishedImage, PublishedZip, StackState

PLACE = Place("123456789012", "eu-west-1", local=False)
URI = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/fastlambda@sha256:{'a' * 64}"
LAYERS = {
    "the base": (120_000_000, "b"),
    "the locked packages": (15_000_000, "p"),
    "the service's own files": (9_000, "1"),
}
IMAGE = PublishedImage(URI, 135_009_000, LAYERS)
NEXT = PublishedImage(URI.replace("a" * 64, "c" * 64), 135_009_500, {**LAYERS, "the service's own files": (9_500, "2")})


def text_of(view):
    console = Console(file=io.StringIO(), width=160, highlight=False)
    console.print(view)
    return console.file.getvalue()


def test_a_plan_lists_the_layers_that_change_and_the_sizes_before_and_after():
    text = text_of(plan_view(records.plan(artifact=artifact_change(NEXT, IMAGE)), PLACE))
    assert "Image  128.8 MB; it was 128.8 MB" in text
    assert "the service's own files" in text
    assert "the locked packages" not in text


def test_the_first_image_is_listed_whole_and_the_same_one_not_at_all():
    assert [change.path for change in artifact_change(IMAGE, None).layers] == list(LAYERS)
    same = artifact_change(IMAGE, IMAGE)
    assert (same.changed, same.previous_size, same.layers) == (False, None, ())
    assert "the same as the live one" in text_of(plan_view(records.plan(artifact=same), PLACE))


def test_an_image_after_a_zip_is_new_as_a_whole():
    change = artifact_change(IMAGE, PublishedZip("b", "k", "s", 15_000_000))
    assert (change.changed, change.previous_size, len(change.layers)) == (True, 15_000_000, 3)


def test_status_and_releases_say_which_image_is_live():
    live = records.release(artifact=IMAGE)
    state = StackState("shop-prod", "UPDATE_COMPLETE", live=live)
    assert f"128.8 MB, {URI}" in text_of(status_view(state, PLACE, datetime(2026, 11, 23, tzinfo=UTC)))
    assert "128.8 MB" in text_of(releases_view([live], "shop-prod"))


def test_machines_are_told_the_uri_and_the_layers():
    document = release_document(replace(records.release(), artifact=IMAGE))
    assert document["artifact"] == {"uri": URI, "size": 135_009_000, "layers": LAYERS}
    planned = plan_document(records.plan(artifact=artifact_change(NEXT, IMAGE)))["artifact"]
    assert (planned["type"], planned["unpacked"]) == ("image", None)
    assert planned["layers"] == ({"path": "the service's own files", "before": 9_000, "after": 9_500},)


def test_a_zip_that_lambdas_api_takes_in_no_call_is_told_to_go_through_s3():
    assert list(upload_of(50 * 2**20)) == []
    ((name, told),) = upload_of(50 * 2**20 + 1)
    assert (name, told) == ("upload", "through S3, as a deployment does: Lambda's API takes 50.0 MB in a call")
