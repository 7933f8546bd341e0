"""A service that is deployed as a container image, to the local AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from botocore.exceptions import ClientError, WaiterError
from no_tls import NO_TLS

from fastlambda_cli import deploy as engine
from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.registry import registry_login
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.cli.dev_deployment import bring_up_to_date
from fastlambda_cli.deploy.bootstrap import find_bootstrap
from fastlambda_cli.deploy.model import FileChange
from fastlambda_cli.deploy.releases import Releases, image_tag
from fastlambda_cli.errors import PackageTypeError, TemplateError
from local_aws import lambda_role

IMAGE = 'package.type = "image"'


@pytest.fixture
def pictures(shop):
    """A service that is an image, of a name of its own, not deployed yet."""
    shop.configure(IMAGE)
    return shop


def image_of(shop, qualifier="live"):
    return shop.aws.client("lambda").get_function(FunctionName=shop.stack, Qualifier=qualifier)["Code"]["ImageUri"]


def tags_of(shop):
    found = shop.aws.client("ecr").describe_images(repositoryName="fastlambda")["imageDetails"]
    return [tag for image in found for tag in image["imageTags"] if tag.startswith(f"{shop.stack}-")]


def bucket_of(shop):
    return find_bootstrap(Stacks(shop.aws)).bucket


def in_two_days():
    return datetime.now(UTC) + timedelta(days=2)


def delete_images(shop):
    tags = [{"imageTag": tag} for tag in tags_of(shop)]
    shop.aws.client("ecr").batch_delete_image(repositoryName="fastlambda", imageIds=tags)


@pytest.mark.slow
def test_an_image_is_pushed_deployed_changed_returned_to_and_purged(pictures):
    shop = pictures
    created = shop.deploy()
    first = image_of(shop)
    assert created.plan.artifact.type == "image"
    assert (shop.live(), shop.get()) == ("1", "200 one")
    assert created.release.artifact.uri == first
    assert engine.status(shop.aws, shop.stack).live.artifact.uri == first
    assert any("has no base" in remark and "python" in remark for remark in shop.remarks())

    assert shop.deploy().plan.empty
    assert shop.versions() == ["1"]

    shop.answer("second")
    changed = shop.deploy()
    layer = "the service's own files"
    assert [(change.path, change.after is None) for change in changed.plan.artifact.layers] == [(layer, False)]
    assert (shop.versions(), shop.live(), shop.get()) == (["1", "2"], "2", "200 second")
    assert image_of(shop) != first

    shop.configure(IMAGE, "memory = 2048")
    configured = shop.deploy()
    assert not configured.plan.artifact.changed
    assert (shop.live(), image_of(shop, "3")) == ("3", image_of(shop, "2"))

    returned = shop.rollback(to=1)
    assert (shop.live(), shop.get(), image_of(shop)) == ("4", "200 one", first)
    assert isinstance(returned.plan.artifact.layers[0], FileChange)

    assert len(tags_of(shop)) == 2
    stays = engine.destruction(shop.aws, shop.stack).stays
    assert sum("aws ecr batch-delete-image" in how for how in stays.values()) == 2
    shop.destroy(purge=True)
    assert (shop.status(), shop.releases(), tags_of(shop)) == (None, [], [])


def test_a_function_keeps_the_image_that_its_tag_had_when_it_was_made(pictures):
    shop = pictures
    shop.deploy()
    (tag,) = tags_of(shop)
    by_digest = image_of(shop)
    by_tag = f"{by_digest.partition('@')[0]}:{tag}"
    client, name = shop.aws.client("lambda"), f"{shop.stack}-by-tag"
    role = lambda_role(shop.aws, name)
    client.create_function(FunctionName=name, Role=role, PackageType="Image", Code={"ImageUri": by_tag})
    assert client.get_function(FunctionName=name)["Code"]["ImageUri"] == by_digest
    assert b"one" in client.invoke(FunctionName=name)["Payload"].read()


def test_an_image_that_nobody_confirms_is_pushed_nowhere(pictures):
    assert pictures.deploy(confirm=lambda _: False) is None
    assert (pictures.status(), tags_of(pictures)) == (None, [])


def test_a_release_whose_image_is_gone_is_not_returned_to_and_what_is_live_stays(pictures):
    shop = pictures
    shop.deploy()
    delete_images(shop)
    shop.answer("two")
    shop.deploy()
    with pytest.raises(TemplateError, match=r"The image \S+/fastlambda@sha256:\w+ is not there") as failure:
        shop.rollback()
    assert "Deploy again" in failure.value.remedy
    assert (shop.live(), shop.get(), shop.releases()[0]) == ("2", "200 two", (2, "live"))


def test_a_function_keeps_the_package_type_that_it_was_made_with(shop):
    shop.deploy()
    shop.configure(IMAGE)
    with pytest.raises(PackageTypeError, match="cannot become a container image") as failure:
        shop.plan()
    assert "another stage" in failure.value.remedy
    assert (shop.status(), shop.get(), shop.releases()) == ("CREATE_COMPLETE", "200 one", [(1, "live")])
    shop.deploy("image")
    assert shop.get("image") == "200 one"


def test_lambda_refuses_an_image_that_is_not_there(local_aws, unique):
    client, uri = local_aws.client("lambda"), "000000000000.dkr.ecr.us-east-1.amazonaws.com/fastlambda:none"
    role = lambda_role(local_aws, unique("shop"))
    function = {"FunctionName": unique("shop"), "Role": role, "PackageType": "Image"}
    with pytest.raises(
        ClientError, match=f"Source image {uri} does not exist. Provide a valid source image"
    ) as failure:
        client.create_function(**function, Code={"ImageUri": uri})
    assert failure.value.response["Error"]["Code"] == "InvalidParameterValueException"
    with pytest.raises(ClientError, match="Function not found"):
        client.get_function(FunctionName=function["FunctionName"])


def test_a_stack_whose_image_is_not_there_fails_with_lambdas_words(local_aws, unique):
    stacks, name = local_aws.client("cloudformation"), unique("shop")
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/fastlambda@sha256:{'0' * 64}"
    role = lambda_role(local_aws, name)
    function = {"PackageType": "Image", "Role": role, "Code": {"ImageUri": uri}}
    template = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": function}}}
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
    with pytest.raises(WaiterError):
        stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    events = stacks.describe_stack_events(StackName=name)["StackEvents"]
    assert any(f"Source image {uri} does not exist" in event.get("ResourceStatusReason", "") for event in events)


@pytest.mark.slow
def test_an_image_that_is_deleted_under_a_function_is_an_error_and_no_made_up_answer(pictures):
    shop = pictures
    shop.deploy()
    shop.configure(IMAGE, "memory = 2048")
    shop.deploy()
    delete_images(shop)
    client = shop.aws.client("lambda")
    with pytest.raises(ClientError, match="is not in its repository") as failure:
        client.invoke(FunctionName=shop.stack, Qualifier="$LATEST")
    assert failure.value.response["Error"]["Code"] == "ResourceConflictException"


@pytest.mark.slow
def test_images_that_no_kept_release_of_the_stack_has_go_and_those_of_other_stacks_stay(pictures):
    shop = pictures
    for answer in ("one", "two", "three"):
        shop.answer(answer)
        shop.deploy()
    shop.deploy("other")
    later = Releases(Bucket(shop.aws, bucket_of(shop)), shop.stack, shop.aws, now=in_two_days)
    later.prune(keep=1)
    kept = [release.artifact.digest for release in later.list()]
    assert len(kept) == 2
    assert sorted(tags_of(shop)) == sorted(image_tag(shop.stack, digest) for digest in kept)
    assert shop.get("other") == "200 three"


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"host": "registry.evil.example"}])
def test_the_local_registry_does_not_answer_web_pages(local_aws, headers):
    url, login = f"{local_aws.endpoint_url}/v2/", registry_login(local_aws, "localhost")
    assert httpx.get(url, auth=login, verify=NO_TLS).is_success
    assert httpx.get(url, auth=login, headers=headers, verify=NO_TLS).status_code == 403


@pytest.mark.slow
def test_dev_keeps_the_stack_of_an_image_too(pictures):
    shop, told = pictures, []
    bring_up_to_date(shop.target().service, "dev", shop.aws.endpoint_url, shop.aws.keys, told.append)
    assert any(f"Stack {shop.stack}: made" in notice.text for notice in told)
    answer = shop.aws.client("lambda").invoke(FunctionName=shop.stack, Qualifier="live")
    assert b"runs from its folder" in answer["Payload"].read()
    shop.deploy()
    assert shop.get() == "200 one"
