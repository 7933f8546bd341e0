"""API Gateway may invoke what a function's policy says, and nothing else."""

from __future__ import annotations

import pytest

from fastlambda_cli.local.aws.deployed.permissions import gateway_may_invoke, source_arn

BOOKS = "arn:aws:execute-api:us-east-1:000000000000:books"
GRANTED = {
    "Effect": "Allow",
    "Principal": {"Service": "apigateway.amazonaws.com"},
    "Action": "lambda:InvokeFunction",
    "Resource": "arn:aws:lambda:us-east-1:000000000000:function:books:live",
    "Condition": {"ArnLike": {"AWS:SourceArn": f"{BOOKS}/*/$default"}},
}


@pytest.mark.parametrize(
    ("route_key", "arn"),
    [
        ("$default", f"{BOOKS}/test/$default"),
        ("GET /books/{id}", f"{BOOKS}/test/GET/books/{{id}}"),
        ("ANY /{proxy+}", f"{BOOKS}/test/*/{{proxy+}}"),
    ],
)
def test_a_route_is_named_by_its_api_stage_method_and_path(route_key, arn):
    assert source_arn("books", "test", route_key) == arn


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Condition": {}},
        {"Principal": "*"},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": "000000000000"}}},
        {"Action": "lambda:*"},
    ],
)
def test_a_statement_for_api_gateway_and_this_route_grants(change):
    assert gateway_may_invoke([GRANTED | change], source_arn("books", "$default", "$default"))


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Principal": {"Service": "events.amazonaws.com"}},
        {"Principal": {"AWS": "000000000000"}},
        {"Action": "lambda:GetFunction"},
        {"Condition": {"ArnLike": {"AWS:SourceArn": f"{BOOKS}/*/GET/books"}}},
        {"Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:us-east-1:000000000000:others/*"}}},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": "111111111111"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-books"}}},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_any_other_statement_grants_nothing(change):
    assert not gateway_may_invoke([GRANTED | change], source_arn("books", "$default", "$default"))


def test_no_policy_grants_nothing():
    assert not gateway_may_invoke([], source_arn("books", "$default", "$default"))
