"""What our own checks catch, and that it has to be us: the local AWS makes a stack of most of it."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from pathlib import Path

import pytest
from yaml_documents import read_yaml

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.session import connect
from fastlambda_cli.aws.stacks import ChangeRequest, Stacks
from fastlambda_cli.deploy.checks import check_artifact, check_issuer, check_template
from fastlambda_cli.deploy.model import PublishedZip
from fastlambda_cli.errors import ConfigurationError, TemplateError
from fastlambda_cli.service.load import load_service

GOLDEN = sorted((Path(__file__).parents[1] / "template" / "golden").glob("*.yaml"))

ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    },
}
FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"S3Bucket": {"Ref": "Bucket"}, "S3Key": "none.zip"},
    },
}
SOUND = {
    "Parameters": {"Bucket": {"Type": "String", "AllowedPattern": "^[a-z-]+$"}},
    "Conditions": {"Named": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Bucket"}, ""]}]}},
    "Resources": {"Role": ROLE, "Function": FUNCTION},
    "Outputs": {"Arn": {"Value": {"Fn::Sub": "${Function.Arn} in ${AWS::Region} at ${!Literal} ${Own}"}}},
}
SOUND["Outputs"]["Arn"]["Value"]["Fn::Sub"] = ["${Function.Arn} in ${AWS::Region} ${!Literal} ${Own}", {"Own": "x"}]
VALUES = {"Bucket": "artifacts"}


def queue(**attributes):
    return {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", **attributes}}}


def function(**properties):
    return {"Resources": {"Function": {"Properties": properties}}}


def merged(document, change):
    document = copy.deepcopy(document)
    for key, value in change.items():
        below = document.get(key)
        document[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return document


ACCEPTED_LOCALLY = {
    "a Ref to nothing": (
        queue(Properties={"QueueName": {"Ref": "Missing"}}),
        "Resources.Queue.Properties.QueueName.Ref refers to Missing",
    ),
    "a GetAtt of nothing": (
        queue(Properties={"QueueName": {"Fn::GetAtt": "Missing.Name"}}),
        "Resources.Queue.Properties.QueueName.Fn::GetAtt refers to Missing",
    ),
    "a Sub of nothing": (
        queue(Properties={"QueueName": {"Fn::Sub": "a-${Missing}"}}),
        "Fn::Sub refers to Missing",
    ),
    "a Sub of an attribute of nothing": (
        queue(Properties={"QueueName": {"Fn::Sub": "a-${Missing.Name}"}}),
        "Fn::Sub refers to Missing",
    ),
    "a Ref in an output to nothing": ({"Outputs": {"Lost": {"Value": {"Ref": "Missing"}}}}, "Outputs.Lost.Value.Ref"),
    "an If on no condition": (
        queue(Properties={"QueueName": {"Fn::If": ["Missing", "a", "b"]}}),
        "Fn::If refers to Missing",
    ),
    "a resource on no condition": (queue(Condition="Missing"), "Resources.Queue.Condition refers to Missing"),
    "a condition on no parameter": (
        {"Conditions": {"Odd": {"Fn::Equals": [{"Ref": "Missing"}, ""]}}},
        "Conditions.Odd.Fn::Equals.0.Ref refers to Missing",
    ),
    "DependsOn nothing": (queue(DependsOn=["Role", "Missing"]), "Resources.Queue.DependsOn refers to Missing"),
    "a runtime that Lambda does not have": (function(Runtime="python9.9"), "Runtime is 'python9.9'"),
    "no runtime": (function(Runtime=None), "Runtime is None"),
    "an architecture that Lambda does not have": (function(Architectures=["mips"]), "Architectures has 'mips'"),
}
REFUSED_LOCALLY = {
    "too much memory": (function(MemorySize=99999), "MemorySize is 99999, which is not from 128 to 10240"),
    "too long a timeout": (function(Timeout=901), "Timeout is 901, which is not from 1 to 900"),
    "too large a disk": (function(EphemeralStorage={"Size": 99999}), "EphemeralStorage is 99999"),
    "an environment that is too large": (
        function(Environment={"Variables": {"TEXT": "x" * 4096}}),
        "Environment has 4100 bytes, and Lambda takes 4096",
    ),
}


@pytest.mark.parametrize("case", ACCEPTED_LOCALLY)
def test_what_the_local_aws_lets_pass_is_caught(case, local_aws, unique):
    change, finding = ACCEPTED_LOCALLY[case]
    document = merged(SOUND, change)
    with pytest.raises(TemplateError) as caught:
        check_template(document, VALUES)
    assert finding in caught.value.why
    name = unique("unsound")
    stacks = Stacks(local_aws)
    change_set = stacks.create_change_set(ChangeRequest(name, json.dumps(document), parameters=VALUES))
    stacks.execute(change_set)
    assert stacks.follow(change_set.stack_id, None, lambda _: None).status == "CREATE_COMPLETE"
    stacks.delete(name)


@pytest.mark.parametrize("case", REFUSED_LOCALLY)
def test_what_a_stack_would_be_rolled_back_for_is_caught_before(case):
    change, finding = REFUSED_LOCALLY[case]
    with pytest.raises(TemplateError) as caught:
        check_template(merged(SOUND, change), VALUES)
    assert finding in caught.value.why


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({}, "Parameters.Bucket has no value"),
        ({"Bucket": "UPPER"}, r"Parameters.Bucket is 'UPPER'. It must match ^[a-z-]+$"),
        ({"Bucket": "artifacts\n"}, "Parameters.Bucket is 'artifacts\\n'"),
        ({"Bucket": "artifacts", "Other": "x"}, "Parameters has no Other"),
    ],
)
def test_every_parameter_has_a_value_that_it_takes(values, finding):
    with pytest.raises(TemplateError) as caught:
        check_template(SOUND, values)
    assert finding in caught.value.why


def test_a_condition_on_no_condition_is_named_where_the_local_aws_breaks_down():
    odd = {"Conditions": {"Odd": {"Fn::And": [{"Condition": "Named"}, {"Condition": "Missing"}]}}}
    with pytest.raises(TemplateError, match=r"Conditions.Odd.Fn::And.1.Condition refers to Missing"):
        check_template(merged(SOUND, odd), VALUES)


def test_a_circle_is_shown():
    circle = {"A": {"Ref": "B"}, "B": {"Ref": "A"}}
    resources = {name: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": to}} for name, to in circle.items()}
    with pytest.raises(TemplateError, match=r"circle: (A -> B -> A|B -> A -> B)"):
        check_template({"Resources": resources}, {})


def test_everything_that_is_wrong_is_told_at_once():
    document = merged(SOUND, function(Runtime="python9.9", Timeout=0))
    with pytest.raises(TemplateError, match=r"Bucket has no value; .*Runtime is .*; .*Timeout is 0"):
        check_template(document, {})


def test_a_sound_template_passes():
    check_template(SOUND, VALUES)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_the_templates_of_services_pass(golden, values_for):
    document = read_yaml(golden.read_text(encoding="utf-8"))
    check_template(document, values_for(document))


@pytest.fixture
def published(local_aws, unique, tmp_path):
    """An artifact in a bucket."""
    file = tmp_path / "a.zip"
    file.write_bytes(b"zipped")
    digest = base64.b64encode(hashlib.sha256(b"zipped").digest()).decode()
    bucket = Bucket(local_aws, unique("artifacts"))
    local_aws.client("s3").create_bucket(Bucket=bucket.name)
    bucket.upload("a.zip", file, digest)
    return PublishedZip(bucket.name, "a.zip", digest, 6)


def test_an_artifact_in_its_place_passes(local_aws, published):
    check_artifact(local_aws, published)


def test_an_artifact_that_is_gone_is_missed(local_aws, published):
    Bucket(local_aws, published.bucket).delete([published.key])
    with pytest.raises(TemplateError, match="is not there"):
        check_artifact(local_aws, published)


@pytest.mark.parametrize("content", [b"forged", b"longer than that"])
def test_an_artifact_that_somebody_replaced_is_refused(local_aws, published, content):
    Bucket(local_aws, published.bucket).replace(published.key, content)
    with pytest.raises(TemplateError, match="is not the one that was published"):
        check_artifact(local_aws, published)


def test_an_issuer_on_this_machine_is_for_the_local_aws_only(local_aws, tmp_path):
    authorizer = 'http.authorizer = { issuer = "http://127.0.0.1:9000", audience = ["shop"] }'
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "shop"\n[tool.fastlambda]\n{authorizer}\n')
    (tmp_path / "lambda_handler.py").write_text("handler = print\n")
    service = load_service(tmp_path)

    check_issuer(service, local_aws)
    with connect(region="eu-west-1") as aws, pytest.raises(ConfigurationError) as caught:
        check_issuer(service, aws)

    assert "AWS cannot ask http://127.0.0.1:9000 for its keys" in str(caught.value)
