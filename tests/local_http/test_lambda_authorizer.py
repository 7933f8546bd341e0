"""What a Lambda authorizer is asked, and what becomes of its answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from fastlambda_cli.local.http.authorizing import Authorized, Refused
from fastlambda_cli.local.http.lambda_authorizer import LambdaAuthorizer, Verdicts
from fastlambda_cli.local.http.payload import Gateway, Match
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.model import InvokeResult, RefusedError

ARN = "arn:aws:execute-api:us-east-1:000000000000:books/test/GET/books/7"
YES = {"isAuthorized": True, "context": {"user": "momo", "age": 9}}


class Authorizer:
    """A function that decides, and what it was asked."""

    def __init__(self, answer, **settings):
        self.answer = answer
        self.events = []
        gateway, match = Gateway("books", "test", {"shelf": "7"}), Match("GET /books/{id}", {"id": "7"})
        shape = {"sources": ("$request.header.Authorization",), "simple": True} | settings
        self.authorizer = LambdaAuthorizer("one", self.invoke, gateway, match, **shape)

    async def invoke(self, invocation):
        self.events.append(json.loads(invocation.payload))
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, InvokeResult):
            return self.answer
        return InvokeResult(json.dumps(self.answer).encode(), invocation.request_id)

    def __call__(self, given="secret", *, path="/test/books/7"):
        headers = (("host", "books.execute-api.localhost"), *((("authorization", given),) if given else ()))
        request = HttpRequest("GET", path, "a=1&a=2", headers, "127.0.0.1", 4566, "HTTP/1.1", 100)
        return asyncio.run(self.authorizer(request, "request"))


def policy(effect="Allow", resource=ARN, action="execute-api:Invoke", **more):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return {"principalId": "momo", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


def refusal(decision):
    assert isinstance(decision, Refused), decision
    return decision.answer.status, json.loads(decision.answer.body)["message"]


def test_it_is_asked_with_the_request_and_who_asks():
    authorizer = Authorizer(YES)

    found = authorizer()

    assert found == Authorized({"lambda": {"user": "momo", "age": 9}})
    (event,) = authorizer.events
    assert (event["version"], event["type"], event["routeArn"]) == ("2.0", "REQUEST", ARN)
    assert (event["identitySource"], event["routeKey"]) == (["secret"], "GET /books/{id}")
    assert (event["pathParameters"], event["queryStringParameters"]) == ({"id": "7"}, {"a": "1,2"})
    assert event["stageVariables"] == {"shelf": "7"}
    assert event["requestContext"]["requestId"] == "request"
    assert not {"body", "isBase64Encoded"} & set(event)


def test_in_format_1_it_is_asked_as_one_of_a_rest_api():
    authorizer = Authorizer(policy(), version="1.0", simple=False)

    assert authorizer() == Authorized({"lambda": {}}, "momo")
    (event,) = authorizer.events
    assert (event["version"], event["type"], event["methodArn"]) == ("1.0", "REQUEST", ARN)
    assert (event["identitySource"], event["authorizationToken"]) == ("secret", "secret")
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/books/{id}", "/test/books/7", "GET")


def test_without_its_identity_source_a_request_is_401_and_nobody_is_asked():
    authorizer = Authorizer(YES)

    assert refusal(authorizer(given=None)) == (401, "Unauthorized")
    assert authorizer.events == []


def test_without_any_identity_source_everybody_is_asked_for_every_time():
    authorizer = Authorizer(YES, sources=(), keeps_s=300.0)

    assert isinstance(authorizer(given=None), Authorized)
    assert isinstance(authorizer(given=None), Authorized)
    assert len(authorizer.events) == 2


def test_a_no_is_403():
    assert refusal(Authorizer({"isAuthorized": False})()) == (403, "Forbidden")


POLICIES = {
    "this route": (policy(), True),
    "all routes": (policy(resource="arn:aws:execute-api:*:*:books/*"), True),
    "several": (policy(resource=["arn:none", ARN], action=["execute-api:*"]), True),
    "any character": (policy(resource=ARN[:-1] + "?"), True),
    "another route": (policy(resource=ARN.replace("GET", "POST")), False),
    "another action": (policy(action="execute-api:ManageConnections"), False),
    "a denial": (policy("Deny"), False),
    "a bracket is no pattern": (policy(resource=ARN[:-1] + "[7]"), False),
}


@pytest.mark.parametrize(("answer", "allowed"), POLICIES.values(), ids=POLICIES)
def test_a_policy_is_evaluated_for_the_route(answer, allowed):
    assert isinstance(Authorizer(answer, simple=False)(), Authorized) is allowed


def test_a_denial_has_precedence():
    answer = policy(resource="*")
    answer["policyDocument"]["Statement"].append({"Effect": "Deny", "Action": "*", "Resource": ARN})

    assert refusal(Authorizer(answer, simple=False)()) == (403, "Forbidden")


BROKEN = {
    "no object": ("yes", {}),
    "no yes or no": ({"isAuthorized": "yes"}, {}),
    "a policy where a yes is wanted": (policy(), {}),
    "a yes where a policy is wanted": (YES, {"simple": False}),
    "a statement that is none": ({"policyDocument": {"Statement": ["Allow"]}}, {"simple": False}),
    "a condition": (policy(Condition={"IpAddress": {"aws:SourceIp": "127.0.0.1"}}), {"simple": False}),
    "no JSON": (InvokeResult(b"yes", "id"), {}),
    "an error": (InvokeResult(b'{"errorMessage": "no database"}', "id", "Unhandled"), {}),
    "no function": (RefusedError("Function not found"), {}),
}


@pytest.mark.parametrize(("answer", "settings"), BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_none_is_500(answer, settings):
    assert refusal(Authorizer(answer, **settings)()) == (500, "Internal Server Error")


def test_what_was_said_holds_for_a_while_for_the_same_values():
    now = 0.0
    verdicts = Verdicts(lambda: now)
    authorizer = Authorizer(YES, keeps_s=300.0, verdicts=verdicts)

    authorizer()
    authorizer()
    assert len(authorizer.events) == 1
    authorizer("another")
    assert len(authorizer.events) == 2
    now = 300.0
    authorizer()
    assert len(authorizer.events) == 3


def test_a_policy_that_was_kept_is_evaluated_for_each_route():
    authorizer = Authorizer(policy(), simple=False, keeps_s=300.0)

    assert isinstance(authorizer(), Authorized)
    assert refusal(authorizer(path="/test/books/8")) == (403, "Forbidden")
    assert len(authorizer.events) == 1


def test_the_routes_key_and_stage_variables_may_be_identity_sources():
    sources = ("$context.routeKey", "$stageVariables.shelf", "$request.querystring.a")
    authorizer = Authorizer(YES, sources=sources)

    authorizer()

    assert authorizer.events[0]["identitySource"] == ["GET /books/{id}", "7", "1"]


def test_only_so_much_is_remembered():
    verdicts = Verdicts(lambda: 0.0)
    for number in range(2_000):
        verdicts.keep(number, {"isAuthorized": True}, 300.0)

    assert verdicts.recall(0) is None
    assert verdicts.recall(1_999) == {"isAuthorized": True}
