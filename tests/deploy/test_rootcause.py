"""CloudFormation's events of a failure, and the one thing that they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fastlambda_cli.aws.model import STACK_TYPE, Stack, StackEvent
from fastlambda_cli.deploy.rootcause import failure, plain_reason, remedy_for, root_cause

BEGIN = datetime(2026, 11, 23, tzinfo=UTC)


def events(*told):
    return [
        StackEvent(str(n), BEGIN + timedelta(seconds=n), name, f"{name}-id", kind, status, reason)
        for n, (name, kind, status, reason) in enumerate(told)
    ]


def stack(status):
    return Stack("arn:stack", "shop-dev", status, BEGIN, reason="It did not work.")


CANCELLED = ("Api", "AWS::ApiGatewayV2::Api", "CREATE_FAILED", "Resource creation cancelled")
REFUSED = (
    "Function",
    "AWS::Lambda::Function",
    "CREATE_FAILED",
    """\
Resource handler returned message: "Specified ReservedConcurrentExecutions for function decreases account's \
UnreservedConcurrentExecution below its minimum value of [100]. (Service: Lambda, Status Code: 400, Request ID: 0aa0) \
(SDK Attempt Count: 1)" (RequestToken: 1f, HandlerErrorCode: InvalidRequest)""",
)
SUMMARY = (
    "shop-dev",
    STACK_TYPE,
    "ROLLBACK_IN_PROGRESS",
    "The following resource(s) failed to create: [Api, Function]. Rollback requested by user.",
)


def test_the_first_failure_that_is_no_aftermath_is_the_cause():
    assert root_cause(events(CANCELLED, REFUSED, SUMMARY)).logical_id == "Function"


def test_the_error_tells_the_cause_then_what_was_done_then_what_to_do():
    error = failure(stack("ROLLBACK_COMPLETE"), events(CANCELLED, REFUSED, SUMMARY))
    assert error.what == (
        "Function (AWS::Lambda::Function) could not be made; CloudFormation took back what it had made; the next "
        "deployment removes the empty stack"
    )
    assert error.why.startswith("Specified ReservedConcurrentExecutions")
    assert "concurrency.reserved" in error.remedy
    assert error.exit_code == 7


def test_a_reason_is_told_without_the_machinery_that_brought_it():
    reason = plain_reason(REFUSED[3])
    assert "RequestToken" not in reason
    assert "Service: Lambda" not in reason


def test_without_any_failed_resource_the_stacks_own_reason_is_told():
    error = failure(stack("UPDATE_ROLLBACK_COMPLETE"), events(SUMMARY))
    assert (error.why, error.remedy) == ("It did not work", "Look at the stack's events in the AWS console.")


def test_a_failure_of_the_stack_itself_is_told_when_no_resource_failed():
    told = ("shop-dev", STACK_TYPE, "UPDATE_FAILED", "Export shop cannot be deleted as it is in use by other")
    assert root_cause(events(told)).reason.startswith("Export shop")


ROLLBACK = ("shop-dev", STACK_TYPE, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Api].")


def test_what_keeps_cloudformation_from_putting_everything_back_is_told_beside_the_cause():
    told = events(
        ("Api", "AWS::ApiGatewayV2::Api", "UPDATE_FAILED", "Invalid CORS configuration."),
        ROLLBACK,
        ("Role", "AWS::IAM::Role", "UPDATE_FAILED", "Rate exceeded."),
        ("shop-dev", STACK_TYPE, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Role]."),
    )
    error = failure(stack("UPDATE_ROLLBACK_FAILED"), told)
    assert error.what == (
        "Api (AWS::ApiGatewayV2::Api) could not be changed; CloudFormation could not put everything back; the next "
        "deployment goes on with that (Role: Rate exceeded)"
    )
    assert error.why == "Invalid CORS configuration"


def test_a_rollback_that_was_gone_on_with_is_told_by_what_failed_in_it():
    told = events(ROLLBACK, ("Role", "AWS::IAM::Role", "UPDATE_FAILED", "Rate exceeded."))
    error = failure(stack("UPDATE_ROLLBACK_FAILED"), told)
    assert (error.what.partition(" ")[0], error.why) == ("Role", "Rate exceeded")


def test_a_hook_that_refuses_a_resource_is_the_cause_in_its_own_words():
    hook, aftermath = events(
        ("Function", "AWS::Lambda::Function", "CREATE_IN_PROGRESS", "Functions have to be in a VPC."),
        ("Function", "AWS::Lambda::Function", "CREATE_FAILED", "The following hook(s) failed: [Acme::Vpc::Hook]"),
    )
    refusal = replace(hook, hook="Acme::Vpc::Hook", refused=True)
    error = failure(stack("ROLLBACK_COMPLETE"), [refusal, aftermath, *events(SUMMARY)])
    assert error.why == "the hook Acme::Vpc::Hook refuses it: Functions have to be in a VPC"
    assert "Hooks" in error.remedy


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("/aws/lambda/shop already exists in stack arn:x (HandlerErrorCode: AlreadyExists)", "delete it, or give"),
        ("User: arn:x is not authorized to perform: iam:CreateRole on resource: y", "Have iam:CreateRole allowed"),
        ("CodeSHA256 (x) is different from current CodeSHA256 in $LATEST (y)", "not the one that was built"),
        ("Source image 1.dkr.ecr.eu-west-1.amazonaws.com/fastlambda@sha256:0 does not exist.", "deploy again"),
        ("Lambda does not have permission to access the ECR image. Check the ECR permissions.", "policy"),
        ("The layer media type for the source image 1.dkr.ecr is not supported.", "compressed with gzip"),
        ("The role defined for the function cannot be assumed by Lambda.", "deploy again"),
        ("Code storage limit exceeded.", "Service Quotas"),
        ("Rate exceeded", "wait a minute"),
        ("CloudFormation cannot update a stack when a custom-named resource requires replacing.", "rename it"),
        ("Function not found: arn:aws:lambda:eu-west-1:1:function:shop", "--drift"),
        ("The subnet ID 'subnet-1' does not exist", "name one that there is"),
        ("A conflicting deployment is in progress", "wait for its end"),
        ("Action denied by stack policy", "stack policy"),
        ("One or more alarms have been activated according to the metrics you selected", "alarm of the rollout"),
        ("The operation cannot be performed at this time. An update is in progress for resource", "wait for its end"),
        ("Something nobody has seen before", "Put that right"),
    ],
)
def test_known_reasons_have_a_remedy_of_their_own(reason, remedy):
    assert remedy in remedy_for(reason)
