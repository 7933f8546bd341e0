"""Versions with SnapStart: those that nobody asks any more go, since their snapshots cost money."""

from __future__ import annotations

import io
import zipfile

import pytest

from fastlambda_cli.deploy.snapshots import prune_snapshots
from local_aws import lambda_role

PYTHON_WITH_SNAP_START = "python3.12"


@pytest.fixture
def client(local_aws):
    return local_aws.client("lambda")


@pytest.fixture
def function(client, local_aws, unique):
    """A function with the versions 1 to 5, of which all but 2 have a snapshot."""
    name = unique("shop")
    client.create_function(
        FunctionName=name,
        Runtime=PYTHON_WITH_SNAP_START,
        Role=lambda_role(local_aws, name),
        Handler="shop.handler",
        Code={"ZipFile": archive("1")},
    )
    for number in range(1, 6):
        publish(client, name, str(number), "None" if number == 2 else "PublishedVersions")
    return name


def archive(text):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("shop.py", f"handler = {text}")
    return content.getvalue()


def publish(client, function, text, snapshots):
    settings = {"Runtime": PYTHON_WITH_SNAP_START, "SnapStart": {"ApplyOn": snapshots}}
    client.update_function_configuration(FunctionName=function, **settings)
    client.update_function_code(FunctionName=function, ZipFile=archive(text))
    return client.publish_version(FunctionName=function)["Version"]


def versions(client, function):
    found = client.list_versions_by_function(FunctionName=function)["Versions"]
    return [version["Version"] for version in found if version["Version"] != "$LATEST"]


def test_versions_with_a_snapshot_that_are_older_than_the_live_one_are_deleted(local_aws, client, function):
    assert prune_snapshots(local_aws, function, "4", ()) == ("1", "3")
    assert versions(client, function) == ["2", "4", "5"]


def test_versions_that_are_to_be_kept_and_those_behind_an_alias_stay(local_aws, client, function):
    weights = {"AdditionalVersionWeights": {"3": 0.1}}
    client.create_alias(FunctionName=function, Name="other", FunctionVersion="2", RoutingConfig=weights)
    assert prune_snapshots(local_aws, function, "5", {"1"}) == ("4",)


def test_a_deployment_deletes_snapshots_and_says_so(shop, client):
    shop.deploy()
    runtime = client.get_function_configuration(FunctionName=shop.stack)["Runtime"]
    assert publish(client, shop.stack, "2", "PublishedVersions") == "2"
    client.update_function_configuration(FunctionName=shop.stack, SnapStart={"ApplyOn": "None"}, Runtime=runtime)
    shop.answer("two")
    shop.deploy()
    assert "Deleted earlier versions whose SnapStart snapshots cost money: 2." in shop.remarks()
    assert shop.versions() == ["1", "3"]
