from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fastlambda_cli.aws.model import StackEvent
from fastlambda_cli.aws.session import connect
from fastlambda_cli.aws.stacks import ChangeRequest
from fastlambda_cli.deploy.bootstrap import STACK_NAME, Bootstrap, ensure_bootstrap, find_bootstrap
from fastlambda_cli.deploy.bootstrap_template import VERSION, bootstrap_template
from fastlambda_cli.deploy.model import Remark
from fastlambda_cli.errors import BootstrapError

QUEUE = {"Type": "AWS::SQS::Queue"}
BROKEN = {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": "none", "Timeout": "1", "Count": 0}}


def make(stacks, document):
    change_set = stacks.create_change_set(ChangeRequest(STACK_NAME, json.dumps(document)))
    stacks.execute(change_set)
    return stacks.follow(change_set.stack_id, None, lambda _: None)


def of_version(version):
    document = bootstrap_template()
    document["Outputs"]["BootstrapVersion"]["Value"] = str(version)
    return document


def remarks(told):
    return [happening.text for happening in told if isinstance(happening, Remark)]


def test_it_is_made_once_after_saying_so_and_protected(local_aws, stacks):
    assert find_bootstrap(stacks) is None
    told = []
    made = ensure_bootstrap(local_aws, told.append)
    assert isinstance(made, Bootstrap)
    assert made.version == VERSION
    assert "makes the stack fastlambda-bootstrap" in remarks(told[:1])[0]
    assert [event.status for event in told if isinstance(event, StackEvent)][-1] == "CREATE_COMPLETE"
    assert stacks.describe(STACK_NAME).protected
    again = []
    assert ensure_bootstrap(local_aws, again.append) == made == find_bootstrap(stacks)
    assert again == []


def test_the_bucket_is_private_encrypted_and_versioned(local_aws, stacks):
    del stacks
    bucket = ensure_bootstrap(local_aws, lambda _: None).bucket
    s3 = local_aws.client("s3")
    access = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert statement["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_the_repositorys_tags_stand_and_its_images_are_scanned(local_aws, stacks):
    del stacks
    uri = ensure_bootstrap(local_aws, lambda _: None).repository_uri
    (repository,) = local_aws.client("ecr").describe_repositories(repositoryNames=["fastlambda"])["repositories"]
    assert repository["repositoryUri"] == uri
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_an_older_one_is_updated_and_keeps_its_bucket(local_aws, stacks):
    older = make(stacks, of_version(0))
    assert find_bootstrap(stacks).version == 0  # what is recorded in it can be read
    told = []
    updated = ensure_bootstrap(local_aws, told.append)
    assert (updated.bucket, updated.version) == (older.outputs["ArtifactBucket"], VERSION)
    assert f"from version 0 to {VERSION}" in remarks(told)[0]


def test_a_newer_one_is_left_alone(local_aws, stacks):
    newer = make(stacks, of_version(VERSION + 1))
    for look in (lambda: ensure_bootstrap(local_aws, lambda _: None), lambda: find_bootstrap(stacks)):
        with pytest.raises(BootstrapError, match=f"has version {VERSION + 1}.*versions up to {VERSION}"):
            look()
    assert stacks.describe(STACK_NAME) == newer


def test_a_stack_that_only_has_the_name_is_left_alone(local_aws, stacks):
    other = make(stacks, {"Resources": {"Queue": QUEUE}})
    with pytest.raises(BootstrapError, match="not one that this command made"):
        ensure_bootstrap(local_aws, lambda _: None)
    assert stacks.describe(STACK_NAME) == other


def test_what_a_failed_attempt_left_is_cleared_first(local_aws, stacks):
    assert make(stacks, {"Resources": {"Queue": QUEUE, "Broken": BROKEN}}).status == "ROLLBACK_COMPLETE"
    assert find_bootstrap(stacks) is None
    told = []
    assert ensure_bootstrap(local_aws, told.append).version == VERSION
    assert "earlier attempt" in remarks(told)[0]


def test_a_plan_that_nobody_executed_is_no_obstacle(local_aws, stacks):
    stacks.create_change_set(ChangeRequest(STACK_NAME, json.dumps({"Resources": {"Queue": QUEUE}})))
    assert find_bootstrap(stacks) is None
    assert ensure_bootstrap(local_aws, lambda _: None).version == VERSION


def test_a_kept_repository_is_taken_over_by_the_next_stack(local_aws, stacks):
    first = ensure_bootstrap(local_aws, lambda _: None)
    stacks.protect(STACK_NAME, enabled=False)
    since = stacks.last_event(STACK_NAME)
    stack = stacks.describe(STACK_NAME)
    stacks.delete(STACK_NAME)
    stacks.follow(stack.id, since, lambda _: None)
    assert local_aws.client("s3").head_bucket(Bucket=first.bucket)
    assert ensure_bootstrap(local_aws, lambda _: None).repository_uri == first.repository_uri


def test_people_who_are_first_at_once_get_one_stack(local_aws, stacks):
    del stacks

    def ensure(_):
        with connect(endpoint_url=local_aws.endpoint_url, keys=local_aws.keys) as aws:
            return ensure_bootstrap(aws, lambda _: None)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ensure, range(4)))) == 1


def test_what_was_replaced_or_never_finished_does_not_stay_for_ever():
    # The emulator leaves LifecycleConfiguration out of the buckets that it makes, so this reads the template.
    properties = bootstrap_template()["Resources"]["Artifacts"]["Properties"]
    rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
    assert rules["deleted-and-replaced"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["incomplete-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    assert not any("ExpirationInDays" in rule for rule in rules.values())  # what a release refers to stays


@pytest.mark.slow
def test_cfn_lint_finds_nothing_not_even_something_to_inform_of(tmp_path):
    file = tmp_path / "bootstrap.json"
    file.write_text(json.dumps(bootstrap_template(), indent=2), encoding="utf-8")
    lint = Path(sys.executable).with_name("cfn-lint")
    found = subprocess.run(
        [lint, "--include-checks", "I", "--format", "parseable", "--", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout + found.stderr == ""


def test_nothing_is_allowed_by_wildcard_and_only_unencrypted_access_is_denied_by_one():
    resources = bootstrap_template()["Resources"]
    (denied,) = resources["ArtifactsOverTlsOnly"]["Properties"]["PolicyDocument"]["Statement"]
    (allowed,) = resources["Images"]["Properties"]["RepositoryPolicyText"]["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert allowed["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert allowed["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "AWS::AccountId" in allowed["Condition"]["StringLike"]["aws:SourceArn"]["Fn::Sub"]
