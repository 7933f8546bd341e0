"""The end of a stack, and of what it leaves behind."""

from __future__ import annotations

import pytest

from fastlambda_cli import deploy as engine
from fastlambda_cli.errors import StackError
from local_aws import every

WITH_A_SECRET = 'secrets.app.generate = ["key"]'


def left(shop):
    """Everything in the account that has the stack's name in it."""
    aws = shop.aws
    names = [group["logGroupName"] for group in every(aws, "logs", "describe_log_groups", "logGroups")]
    names += [secret["Name"] for secret in every(aws, "secretsmanager", "list_secrets", "SecretList")]
    names += [function["FunctionName"] for function in every(aws, "lambda", "list_functions", "Functions")]
    names += [api["Name"] for api in every(aws, "apigatewayv2", "get_apis", "Items")]
    names += [role["RoleName"] for role in every(aws, "iam", "list_roles", "Roles")]
    for bucket in every(aws, "s3", "list_buckets", "Buckets"):
        for kind in ("Versions", "DeleteMarkers"):
            names += [item["Key"] for item in every(aws, "s3", "list_object_versions", kind, Bucket=bucket["Name"])]
    return sorted({name for name in names if shop.stack in name})


def test_what_goes_and_what_stays_is_told_before(shop):
    shop.configure(WITH_A_SECRET)
    shop.deploy()
    told = engine.destruction(shop.aws, shop.stack)
    kinds = {change.kind for change in told.goes}
    assert {"AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::IAM::Role", "AWS::ApiGatewayV2::Api"} <= kinds
    assert "AWS::Logs::LogGroup" not in kinds
    names = list(told.stays)
    assert names[:3] == [
        f"/aws/lambda/{shop.stack}",
        f"/aws/vendedlogs/http-apis/{shop.stack}",
        f"{shop.stack}/app",
    ]
    assert [name.rpartition("artifacts-")[2].partition("/")[2] for name in names[3:]] == [
        f"releases/{shop.stack}/",
        f"artifacts/{shop.stack}/",
    ]
    assert all(command.startswith("aws ") for command in told.stays.values())


def test_a_destroyed_stack_leaves_logs_secrets_and_releases(shop):
    shop.configure(WITH_A_SECRET)
    shop.deploy()
    stays = engine.destruction(shop.aws, shop.stack).stays
    shop.destroy(purge=False)
    assert shop.status() is None
    assert engine.destruction(shop.aws, shop.stack).stays == stays
    assert shop.releases() == [(1, "live")]


@pytest.mark.slow
def test_a_purge_leaves_nothing(shop):
    shop.configure(WITH_A_SECRET)
    shop.deploy()
    shop.answer("two")
    shop.deploy()
    assert left(shop)
    shop.destroy(purge=True)
    assert left(shop) == []


def test_what_an_earlier_destruction_left_can_be_purged_later(shop):
    shop.configure(WITH_A_SECRET)
    shop.deploy()
    shop.destroy(purge=False)
    shop.destroy(purge=True)
    assert any("There is no stack" in remark for remark in shop.remarks())
    assert left(shop) == []


def test_a_stage_that_is_destroyed_takes_nothing_of_another(shop):
    shop.deploy("dev")
    shop.answer("prod")
    shop.deploy("prod")
    shop.destroy(purge=True)
    assert shop.get("prod") == "200 prod"


def test_a_protected_stack_is_not_deleted(shop):
    shop.deploy()
    client = shop.aws.client("cloudformation")
    client.update_termination_protection(StackName=shop.stack, EnableTerminationProtection=True)
    with pytest.raises(StackError, match="protected from deletion") as failure:
        shop.destroy(purge=True)
    assert "--no-enable-termination-protection" in failure.value.remedy
    assert shop.get() == "200 one"


def test_after_its_end_the_same_service_is_deployed_anew_and_takes_over_what_stayed(shop):
    shop.configure(WITH_A_SECRET)
    shop.deploy()
    shop.destroy(purge=False)
    outcome = shop.deploy()
    assert outcome.plan.creates
    assert outcome.plan.new_secrets == ()
    assert (shop.get(), shop.releases()) == ("200 one", [(2, "live"), (1, "earlier")])


def test_a_stack_of_the_same_name_that_is_another_services_is_neither_destroyed_nor_rolled_back(shop):
    shop.deploy()
    other = "shop-of-another, stage dev: a FastAPI service on AWS Lambda."

    with pytest.raises(StackError, match=f"The stack {shop.stack} is that of {shop.name}, stage dev") as kept:
        engine.destruction(shop.aws, shop.stack, owner=other)
    with pytest.raises(StackError, match="is that of"):
        engine.rollback(shop.aws, shop.stack, shop.told.append, to=1, confirm=lambda _: True, owner=other)

    assert "Rename this service" in kept.value.remedy
    assert engine.destruction(shop.aws, shop.stack, owner=shop.target().described).goes


def test_what_another_services_stack_of_the_same_name_has_left_is_not_purged_either(shop):
    shop.deploy()
    shop.destroy(purge=False)

    with pytest.raises(StackError, match=f"Release 1 of {shop.stack} is that of {shop.name}, stage dev"):
        engine.destruction(shop.aws, shop.stack, owner="shop-of-another, stage dev: a FastAPI service on AWS Lambda.")

    assert engine.destruction(shop.aws, shop.stack, owner=shop.target().described).stays


def test_the_destruction_of_nothing_says_so(shop):
    assert engine.destruction(shop.aws, shop.stack).goes == ()
    shop.destroy(purge=False)
    assert any("There is no stack" in remark for remark in shop.remarks())
