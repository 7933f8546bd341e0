"""Records of deployments as the engine makes them, for what shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastlambda_cli.deploy.model import (
    Action,
    ArtifactChange,
    Cost,
    CostLine,
    Destruction,
    FileChange,
    Outcome,
    PermissionChange,
    Plan,
    PublishedZip,
    Release,
    ReleaseStatus,
    ResourceChange,
    StackState,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-prod/app-a1B2c3"
OLD_TABLE = "arn:aws:dynamodb:*:*:table/old"
GET_SECRET = "secretsmanager:GetSecretValue"


def plan(**fields):
    """A plan that has something of everything."""
    changes = (
        ResourceChange(Action.CHANGE, "Function", "AWS::Lambda::Function", "shop-prod", ("Code", "MemorySize")),
        ResourceChange(Action.ADD, "FunctionVersion3f9a", "AWS::Lambda::Version"),
        ResourceChange(Action.KEEP, "FunctionVersion07bd", "AWS::Lambda::Version", "shop-prod:11"),
        ResourceChange(Action.REPLACE, "Api", "AWS::ApiGatewayV2::Api", "a1b2c3d4e5", ("ProtocolType",)),
        ResourceChange(Action.MAY_REPLACE, "Dashboard", "AWS::CloudWatch::Dashboard", "shop-prod", ("Name",)),
        ResourceChange(Action.REMOVE, "FaultsAlarm", "AWS::CloudWatch::Alarm", "shop-prod-faults"),
        ResourceChange(Action.IMPORT, "LogGroup", "AWS::Logs::LogGroup", "/aws/lambda/shop-prod"),
    )
    permissions = (
        PermissionChange(granted=True, to="the function", effect="Allow", action=GET_SECRET, resource=SECRET),
        PermissionChange(
            granted=False, to="the function", effect="Allow", action="dynamodb:PutItem", resource=OLD_TABLE
        ),
        PermissionChange(
            granted=True,
            to="apigateway.amazonaws.com",
            effect="Allow",
            action="lambda:InvokeFunction",
            resource="shop-prod:live",
            condition='{"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/*"}}',
        ),
    )
    files = (
        FileChange("shop/orders.py", 4_210, 4_377),
        FileChange("shop/returns.py", None, 2_800),
        FileChange("shop/legacy.py", 9_001, None),
    )
    cost = Cost(
        "1,000,000 requests a month of 50 ms",
        (CostLine("Lambda", "1,000,000 requests, 50,000 GB-s", 0.87), CostLine("HTTP API", "1,000,000 requests", 1.11)),
        "List prices of 1 November 2026, eu-west-1, without the free tier",
    )
    told = {
        "stack_name": "shop-prod",
        "creates": False,
        "changes": changes,
        "permissions": permissions,
        "artifact": ArtifactChange("zip", 15_900_000, 48_100_000, changed=True, previous_size=15_800_000, files=files),
        "cost": cost,
        "bootstrap": True,
        "new_secrets": ("shop-prod/app",),
        "left_out": {"Deployments": "AWS::CodeDeploy::Application"},
        "publishes": True,
    }
    return Plan(**(told | fields))


def empty_plan():
    """A plan without anything to do."""
    return Plan("shop-prod", creates=False, changes=())


def release(number=7, status=ReleaseStatus.LIVE, **fields):
    """A release that was begun an hour ago."""
    told = {
        "at": NOW - timedelta(hours=1),
        "by": "arn:aws:sts::123456789012:assumed-role/deployer/ann@example.com",
        "template_key": "templates/0c.json",
        "template_sha256": "0c",
        "artifact": PublishedZip(
            "artifacts", "artifacts/shop-prod/ab.zip", "q83vEjRWeJA=", 15_900_000, {"a.py": (1, 2)}
        ),
        "parameters": {"ArtifactKey": "artifacts/shop-prod/ab.zip"},
        "version": "12",
    }
    return Release(number=number, status=status, **(told | fields))


def releases():
    """Four releases, newest first: one of each kind."""
    return (
        release(9, ReleaseStatus.STARTED, version=None),
        release(8, ReleaseStatus.FAILED, version=None, reason="The role defined for the function cannot be assumed"),
        release(7, ReleaseStatus.LIVE, of=5),
        release(6, ReleaseStatus.EARLIER, version="11"),
    )


def outcome(**fields):
    """A deployment that ended well."""
    outputs = {"ApiUrl": "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "FunctionName": "shop-prod"}
    return Outcome(**({"plan": plan(), "outputs": outputs, "release": release(), "seconds": 34.2} | fields))


def state(**fields):
    """A stack in the middle of a canary, changed by hand."""
    told = {
        "name": "shop-prod",
        "status": "UPDATE_COMPLETE",
        "updated": NOW - timedelta(minutes=3),
        "outputs": outcome().outputs,
        "version": "12",
        "weights": {"13": 0.1},
        "live": release(),
        "drifted": ("Function",),
    }
    return StackState(**(told | fields))


def destruction():
    """What a stack's end takes with it, and what it leaves."""
    goes = (
        ResourceChange(Action.REMOVE, "Function", "AWS::Lambda::Function", "shop-prod"),
        ResourceChange(Action.REMOVE, "Api", "AWS::ApiGatewayV2::Api", "a1b2c3d4e5"),
    )
    stays = {
        "/aws/lambda/shop-prod": "aws logs delete-log-group --log-group-name /aws/lambda/shop-prod",
        "shop-prod/app": "aws secretsmanager delete-secret --secret-id shop-prod/app",
    }
    return Destruction("shop-prod", goes, stays)
