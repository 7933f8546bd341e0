"""Every wrong setting of a deployment is one clear line: its key, what was expected, what to do."""

from __future__ import annotations

import pytest

from fastlambda_cli.errors import ConfigurationError

SAYS = {
    "an architecture": ('architecture = "arm"', ["architecture must be 'arm64' or 'x86_64', got 'arm'"]),
    "little storage": ("ephemeral_storage = 100", ["ephemeral_storage must be 512 or more"]),
    "much storage": ("ephemeral_storage = 20000", ["ephemeral_storage must be 10240 or less"]),
    "a negative reserve": ("concurrency.reserved = -1", ["concurrency.reserved must be 0 or more"]),
    "nothing to provision": ("concurrency.provisioned = {}", ["provisioned.min is missing", "Add it."]),
    "scaling down": ("concurrency.provisioned = { min = 5, max = 5 }", ["`max` is 5 and `min` is 5", "Raise `max`"]),
    "a target for nothing": ("concurrency.provisioned = { min = 5, target = 0.5 }", ["steers nothing without `max`"]),
    "a target past all": (
        "concurrency.provisioned = { min = 1, max = 2, target = 1.0 }",
        ["target must be 0.9 or less"],
    ),
    "a target in words": ("concurrency.provisioned = { min = 1, target = 'high' }", ["target must be a number"]),
    "a target of nan": ("concurrency.provisioned = { min = 1, max = 2, target = nan }", ["target must be"]),
    "more provisioned than reserved": (
        "concurrency = { reserved = 3, provisioned = { min = 5 } }",
        ["5 provisioned environments do not fit into 3 reserved ones"],
    ),
    "an unknown key of a key that may be missing": (
        "concurrency.provisioned.mni = 5",
        ["[tool.fastlambda.concurrency.provisioned] has no key mni", "Did you mean min?"],
    ),
    "an origin with a path": ('http.cors.origins = ["https://a.example/x"]', ["cors.origins[0] must be", "an origin"]),
    "no origin": ("http.cors.origins = []", ["cors.origins must be 1 or more of them"]),
    "a method in lower case": (
        'http.cors = { origins = ["*"], methods = ["get"] }',
        ["methods[0] must be", "capitals"],
    ),
    "credentials for everybody": (
        'http.cors = { origins = ["*"], credentials = true }',
        ['`credentials` and "*" in `origins` exclude each other', "List the values."],
    ),
    "half a throttle": ("http.throttling.rate = 5", ["throttling.burst is missing"]),
    "an issuer without https": (
        'http.authorizer = { issuer = "http://a.example", audience = ["a"] }',
        ["authorizer.issuer must be an https URL"],
    ),
    "an issuer that only looks as if on this machine": (
        'http.authorizer = { issuer = "http://127.0.0.1.evil.example", audience = ["a"] }',
        ["authorizer.issuer must be an https URL"],
    ),
    "a domain in capitals": (
        'http.domain = { name = "API.example.com", certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/a" }',
        ["domain.name must be a domain name in lower case"],
    ),
    "a certificate that is none": (
        'http.domain = { name = "api.example.com", certificate = "mine" }',
        ["domain.certificate must be the ARN of a certificate"],
    ),
    "a retention CloudWatch has not": ("logs.retention = 31", ["logs.retention must be 1, 3, 5", "got 31"]),
    "a health path without its slash": ('health = "health"', ['health must be a path that begins with "/"']),
    "a health path with a query": ('health = "/health?deep=1"', ["without a query"]),
    "a health URL": ('health = "https://example.com/"', ["health must be a path", "got 'https://example.com/'"]),
    "tracing in words": ('tracing = "on"', ["tracing must be true or false"]),
    "alarms for nobody": ("alarms.faults = 1", ["alarms go either to a `topic` or to an `email`", "Give one of them."]),
    "alarms to no address": ('alarms.email = "me"', ["alarms.email must be an e-mail address"]),
    "a rollout of no kind": ("rollout.percent = 20", ["rollout: `percent` shapes nothing without a `type`", "canary"]),
    "a rollout of an unknown kind": ('rollout.type = "slow"', ["type must be 'all-at-once', 'canary' or 'linear'"]),
    "a canary of everybody": ('rollout = { type = "canary", percent = 100 }', ["rollout.percent must be 99 or less"]),
    "a rollout past CodeDeploy's patience": (
        'rollout = { type = "linear", percent = 1, minutes = 60 }',
        ["99 pauses of 60 minutes are more than CodeDeploy's 2880", "Raise `percent`"],
    ),
    "a VPC without subnets": ('vpc.security_groups = ["sg-0123456789abcdef0"]', ["vpc.subnets is missing"]),
    "a subnet by name": (
        'vpc = { subnets = ["private"], security_groups = ["sg-0123456789abcdef0"] }',
        ["vpc.subnets[0] must be the id of a subnet"],
    ),
    "every action": ('permissions = [{ actions = ["*"], resources = ["*"] }]', ["actions[0] must be", "without wild"]),
    "all actions of a service": (
        'permissions = [{ actions = ["s3:*"], resources = ["*"] }]',
        ["permissions[0].actions[0] must be one action", "got 's3:*'"],
    ),
    "some actions of a service": (
        'permissions = [{ actions = ["s3:Get*"], resources = ["*"] }]',
        ["without wildcards"],
    ),
    "a resource by name": (
        'permissions = [{ actions = ["s3:GetObject"], resources = ["shop"] }]',
        ["an ARN, in which"],
    ),
    "a resource of an unknown parameter": (
        'permissions = [{ actions = ["s3:GetObject"], resources = ["arn:aws:s3:::${AWS::Bucket}/*"] }]',
        ["resources[0] must be"],
    ),
    "a condition without its operator": (
        'permissions = [{ actions = ["s3:GetObject"], resources = ["*"], conditions."aws:SourceAccount" = "1" }]',
        ["permissions[0].conditions.aws:SourceAccount", "operator"],
    ),
    "a condition that tests no key": (
        'permissions = [{ actions = ["s3:GetObject"], resources = ["*"], conditions.StringEquals.account = "1" }]',
        ["permissions[0].conditions.StringEquals.account is no usable name", "a condition key"],
    ),
    "a condition of a number": (
        'permissions = [{ actions = ["s3:GetObject"], resources = ["*"], conditions.NumericEquals."s3:x" = 1 }]',
        ["permissions[0].conditions.NumericEquals.s3:x must be"],
    ),
    "an unknown key in an array of tables": (
        'permissions = [{ action = ["s3:GetObject"], actions = ["s3:GetObject"], resources = ["*"] }]',
        ["[tool.fastlambda.permissions[0]] has no key action", "Did you mean actions?"],
    ),
    "a tag of AWS": ('tags = { "aws:team" = "sales" }', ["the tag aws:team starts with aws:"]),
    "a tag with odd letters": ('tags = { "te*m" = "sales" }', ["tags.te*m is no usable name"]),
    "a secret by half its ARN": (
        'secrets.bank.arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bank"',
        ["secrets.bank.arn must be the whole ARN"],
    ),
    "two secrets in one variable": (
        'secrets.app.generate = ["a"]\nsecrets.mail = { generate = ["b"], env = "APP_SECRET_ARN" }',
        ["secrets.mail has the variable of tool.fastlambda.secrets.app", "Name another one with secrets.mail.env."],
    ),
    "a secret in the variable of something else": (
        'environment.APP_SECRET_ARN = "x"\nsecrets.app.generate = ["a"]',
        ["secrets.app has the variable of tool.fastlambda.environment.APP_SECRET_ARN"],
    ),
    "a namespace with quotes": ('metrics_namespace = "it\'s"', ["metrics_namespace must be 1 to 255 letters"]),
    "SnapStart on whatever Python": ("snap_start = true", ["SnapStart needs Python 3.12", "Set runtime"]),
    "SnapStart on 3.11": ('snap_start = true\nruntime = "python3.11"', ["SnapStart needs Python 3.12 or later"]),
    "SnapStart and provisioned": (
        'snap_start = true\nruntime = "python3.13"\nconcurrency.provisioned.min = 1',
        ["SnapStart and provisioned concurrency exclude each other"],
    ),
    "SnapStart and much storage": (
        'snap_start = true\nruntime = "python3.13"\nephemeral_storage = 513',
        ["SnapStart takes no more than 512 MB"],
    ),
}


@pytest.mark.parametrize(("lines", "parts"), SAYS.values(), ids=SAYS)
def test_a_wrong_setting_is_one_clear_line_even_for_a_laptop(load, lines, parts):
    with pytest.raises(ConfigurationError) as refused:
        load(f'[project]\nname = "shop"\n[tool.fastlambda]\n{lines}\n')
    text = f"{refused.value} -> {refused.value.remedy}"
    assert "pyproject.toml" in text
    assert "\n" not in text
    for part in parts:
        assert part in text
