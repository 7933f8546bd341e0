"""A version of the function is published when its code or configuration changes, and never otherwise."""

from __future__ import annotations

import pytest

CHANGES = {
    "memory": "memory = 2048",
    "timeout": "timeout = 5",
    "architecture": 'architecture = "x86_64"',
    "runtime": 'runtime = "python3.14"',
    "handler": 'handler = "plain_handler.handler"',
    "ephemeral storage": "ephemeral_storage = 1024",
    "a variable": 'environment = { COLOUR = "blue" }',
    "the metrics' namespace": 'metrics_namespace = "Shop"',
    "the log level": 'log_level = "DEBUG"',
    "tracing": "tracing = false",
    "SnapStart": 'snap_start = true\nruntime = "python3.13"',
    "a generated secret more": 'secrets.app.generate = ["key"]',
    "another secret": 'secrets.app.arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf"',
    "a VPC": 'vpc = { subnets = ["subnet-0123456789abcdef0"], security_groups = ["sg-0123456789abcdef0"] }',
}

NO_CHANGES = {
    "what a default says already": "memory = 1024",
    "tags": 'tags = { team = "sales" }',
    "log retention": "logs.retention = 90",
    "reserved concurrency": "concurrency.reserved = 10",
    "provisioned concurrency": "concurrency.provisioned = { min = 1, max = 5 }",
    "alarms": 'alarms.email = "oncall@example.com"',
    "throttling": "http.throttling = { rate = 10, burst = 20 }",
    "CORS": 'http.cors.origins = ["*"]',
    "a JWT authorizer": 'http.authorizer = { issuer = "https://example.com", audience = ["shop"] }',
    "a permission": 'permissions = [{ actions = ["s3:GetObject"], resources = ["arn:aws:s3:::shop/*"] }]',
    "what only dev reads": "local.concurrency = 3",
    "another stage": "stages.prod.memory = 2048",
    "where a deployment looks for health": 'health = "/health"',
}


def version_of(resources):
    (version,) = (name for name, found in resources.items() if found["Type"] == "AWS::Lambda::Version")
    newest = {"Fn::GetAtt": [version, "Version"]}
    assert resources["Alias"]["Properties"]["FunctionVersion"] == {"Fn::If": ["Pinned", {"Ref": "LiveVersion"}, newest]}
    return version


@pytest.mark.parametrize("lines", CHANGES.values(), ids=CHANGES)
def test_a_version_is_published_for_a_change_of(resources, lines):
    assert version_of(resources(lines)) != version_of(resources())


@pytest.mark.parametrize("lines", NO_CHANGES.values(), ids=NO_CHANGES)
def test_no_version_is_published_for_a_change_of(resources, lines):
    assert version_of(resources(lines)) == version_of(resources())


def test_a_version_is_published_for_new_code_because_its_digest_can_only_be_set_when_it_is_made(resources):
    made = resources()
    assert made[version_of(made)]["Properties"]["CodeSha256"] == {"Ref": "ArtifactSha256"}


def test_a_version_is_published_for_a_secret_that_was_made_anew_because_its_description_names_it(resources):
    made = resources('secrets.app.generate = ["key"]')
    description = made[version_of(made)]["Properties"]["Description"]
    made_anew = {"Fn::Select": [1, {"Fn::Split": [":secret:shop-dev/app-", {"Ref": "AppSecretArn"}]}]}
    assert description == {"Fn::Join": [" ", ["Secrets:", made_anew]]}


def test_earlier_versions_are_kept_for_a_rollback(resources):
    made = resources()
    version = made[version_of(made)]
    assert version["DeletionPolicy"] == "RetainExceptOnCreate"
    assert version["UpdateReplacePolicy"] == "Retain"


ORDERS = {
    "variables": ('environment = { COLOUR = "blue", SIZE = "10" }', 'environment = { SIZE = "10", COLOUR = "blue" }'),
    "secrets": (
        'secrets.a.generate = ["x"]\nsecrets.b.generate = ["x"]',
        'secrets.b.generate = ["x"]\nsecrets.a.generate = ["x"]',
    ),
    "subnets": (
        'vpc = { subnets = ["subnet-00000001", "subnet-00000002"], security_groups = ["sg-00000001"] }',
        'vpc = { subnets = ["subnet-00000002", "subnet-00000001"], security_groups = ["sg-00000001"] }',
    ),
}


@pytest.mark.parametrize("orders", ORDERS.values(), ids=ORDERS)
def test_no_version_is_published_for_another_order_of(resources, orders):
    one, other = map(resources, orders)
    version = version_of(one)
    assert other[version] == one[version]
