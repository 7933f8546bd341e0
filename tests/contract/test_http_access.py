"""Who reaches a function through an HTTP API: authorizers and throttling."""

from __future__ import annotations

from dataclasses import replace

import pytest
from access_keys import Signed
from contract_facts import fact

JWT = "API Gateway Developer Guide, “Control access to HTTP APIs with JWT authorizers”"
TROUBLE = "API Gateway Developer Guide, “Troubleshooting issues with HTTP API JWT authorizers”"
RECORDED = "events recorded at a deployed API, floci pull request 2011"
LAMBDA = "API Gateway Developer Guide, “Control access to HTTP APIs with AWS Lambda authorizers”"
IAM = "API Gateway Developer Guide, “Control access to HTTP APIs with IAM authorization”"
IAM_EVENT = "API Gateway Developer Guide, “Create AWS Lambda proxy integrations for HTTP APIs”"
THROTTLE = "API Gateway Developer Guide, “Throttle requests to your HTTP APIs for better throughput”"
CORS = "API Gateway Developer Guide, “Configure CORS for HTTP APIs”"
AREA = "HTTP API: access"
ORIGIN = "http://localhost:3000"


@pytest.fixture(scope="module")
def pool(cloud):
    return cloud.user_pool()


@pytest.fixture(scope="module")
def function(cloud):
    return cloud.arn(cloud.function("http_answers"))


@pytest.fixture(scope="module")
def guarded(cloud, pool, function):
    return cloud.api(function, authorizer=pool.authorizer, route={"AuthorizationType": "JWT"})


@pytest.fixture(scope="module")
def scoped(cloud, pool, function):
    """Only access tokens of Cognito have scopes: `aws.cognito.signin.user.admin` when the user signs in by the API."""
    scopes = ["aws.cognito.signin.user.admin", "books/write"]
    return cloud.api(
        function, authorizer=pool.authorizer, route={"AuthorizationType": "JWT", "AuthorizationScopes": scopes}
    )


def jwt_of(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["requestContext"]["authorizer"]["jwt"]


def bearing(token):
    return {"authorization": f"Bearer {token}"}


@fact(AREA, "A token of the authorizer's issuer and audience passes; its claims reach the function.", JWT)
def test_a_valid_token_passes(guarded, pool):
    claims = jwt_of(guarded.send("GET", headers=bearing(pool.id_token)))["claims"]

    assert (claims["iss"], claims["aud"], claims["token_use"]) == (pool.issuer, pool.client, "id")


@fact(AREA, "Without `aud`, `client_id` counts as the audience: an access token of Cognito passes too.", JWT)
def test_client_id_stands_in_for_the_audience(guarded, pool):
    assert jwt_of(guarded.send("GET", headers=bearing(pool.access_token)))["claims"]["client_id"] == pool.client


@fact(AREA, "The token may stand in the header without `Bearer`.", JWT)
def test_the_token_may_stand_alone(guarded, pool):
    assert guarded.send("GET", headers={"authorization": pool.id_token}).status_code == 200


@fact(AREA, "All claims are text in the event, numbers too.", RECORDED)
def test_claims_are_text(guarded, pool):
    claims = jwt_of(guarded.send("GET", headers=bearing(pool.id_token)))["claims"]

    assert claims["exp"].isdigit()
    assert {type(value) for value in claims.values()} == {str}


@fact(AREA, "`scopes` is null in the event where the route asks for none.", RECORDED)
def test_scopes_are_null_where_none_are_wanted(guarded, pool):
    assert jwt_of(guarded.send("GET", headers=bearing(pool.access_token)))["scopes"] is None


@fact(AREA, 'Without a token it is 401 `{"message":"Unauthorized"}`, with `www-authenticate: Bearer`.', TROUBLE)
def test_without_a_token_it_is_401(guarded):
    answer = guarded.send("GET")

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert answer.headers["www-authenticate"] == "Bearer"


@fact(AREA, 'A token that is none is 401, and told to be so: `error="invalid_token"` in `www-authenticate`.', TROUBLE)
def test_no_token_is_told(guarded):
    answer = guarded.send("GET", headers=bearing("momo"))

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert answer.headers["www-authenticate"] == (
        'Bearer scope="" error="invalid_token" error_description="token contains an invalid number of segments"'
    )


@fact(AREA, "A token for another audience is told `the token does not have a valid audience`.", TROUBLE)
def test_another_audience_is_told(cloud, pool, function):
    wanted = {"JwtConfiguration": {"Issuer": pool.issuer, "Audience": ["shop"]}}
    books = cloud.api(function, authorizer=pool.authorizer | wanted, route={"AuthorizationType": "JWT"})

    answer = books.send("GET", headers=bearing(pool.id_token))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        'Bearer scope="" error="invalid_token" error_description="the token does not have a valid audience"'
    )


@fact(AREA, "A signature that does not fit is 401.", JWT)
def test_a_forged_token_is_401(guarded, pool):
    head, _, signature = pool.id_token.rpartition(".")
    forged = f"{head}.{'A' * len(signature)}"

    assert guarded.send("GET", headers=bearing(forged)).status_code == 401


@fact(AREA, "Where the route asks for scopes, one of them is enough, and the token's are in the event.", JWT)
def test_one_scope_is_enough(scoped, pool):
    assert "aws.cognito.signin.user.admin" in jwt_of(scoped.send("GET", headers=bearing(pool.access_token)))["scopes"]


@fact(AREA, 'A token without any of the route\'s scopes is 403 `{"message":"Forbidden"}`.', RECORDED)
def test_without_a_scope_it_is_403(scoped, pool):
    answer = scoped.send("GET", headers=bearing(pool.id_token))

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@fact(AREA, "`$default` with an authorizer asks preflights for a token, where CORS is configured too.", CORS)
def test_preflights_of_a_guarded_default_route_are_401(cloud, pool, function):
    books = cloud.api(
        function,
        authorizer=pool.authorizer,
        route={"AuthorizationType": "JWT"},
        CorsConfiguration={"AllowOrigins": [ORIGIN]},
    )

    answer = books.send("OPTIONS", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"})

    assert answer.status_code == 401


@fact(AREA, 'More requests than a stage\'s limits let through are 429 `{"message":"Too Many Requests"}`.', THROTTLE)
def test_too_many_requests_are_429(cloud, function):
    limits = {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1}
    books = cloud.api(function, stage_settings={"DefaultRouteSettings": limits})

    # Limits are targets on AWS, and no ceilings: it may let some more through.
    answers = [books.send("GET", headers={"x-answer": '"ok"'}) for _ in range(50)]

    refused = [answer.json() for answer in answers if answer.status_code == 429]
    assert {"message": "Too Many Requests"} in refused
    assert any(answer.status_code == 200 for answer in answers)


@pytest.fixture(scope="module")
def decided(cloud, function):
    """`decided(...)`: an API before which a function decides."""
    decider = cloud.new_function("authorizer")
    cloud.client("lambda").add_permission(
        FunctionName=decider,
        StatementId="authorizers",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{cloud.region}:{cloud.account}:*/authorizers/*",
    )
    path = f"arn:aws:apigateway:{cloud.region}:lambda:path/2015-03-31/functions/{cloud.arn(decider)}/invocations"

    def made(**settings):
        authorizer = {
            "AuthorizerType": "REQUEST",
            "IdentitySource": ["$request.header.Authorization"],
            "AuthorizerUri": path,
            "AuthorizerPayloadFormatVersion": "2.0",
            "EnableSimpleResponses": True,
            "AuthorizerResultTtlInSeconds": 0,
        }
        return cloud.api(function, authorizer=authorizer | settings, route={"AuthorizationType": "CUSTOM"})

    return made


@pytest.fixture(scope="module")
def simple(decided):
    return decided()


def said_of(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["requestContext"]["authorizer"]["lambda"]


@fact(AREA, "A Lambda authorizer that says yes lets pass; its `context` reaches the function.", LAMBDA)
def test_a_function_may_let_pass(simple):
    assert "/$default/GET/" in said_of(simple.send("GET", headers={"authorization": "yes"}))["route"]


@fact(AREA, 'One that says no is 403 `{"message":"Forbidden"}`.', LAMBDA)
def test_a_function_may_refuse(simple):
    answer = simple.send("GET", headers={"authorization": "no"})

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@fact(AREA, "Without its identity source a request is 401, and the authorizer is not invoked.", LAMBDA)
def test_without_an_identity_source_it_is_401(simple):
    assert simple.send("GET").status_code == 401


@fact(AREA, "An authorizer that answers in no format is 500.", LAMBDA)
def test_an_authorizer_without_an_answer_is_500(simple):
    answer = simple.send("GET", headers={"authorization": "nonsense"})

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


@fact(AREA, "Without simple responses, the authorizer's IAM policy decides.", LAMBDA)
def test_a_policy_decides(decided):
    books = decided(EnableSimpleResponses=False)

    assert books.send("GET", headers={"authorization": "policy Allow"}).status_code == 200
    assert books.send("GET", headers={"authorization": "policy Deny"}).status_code == 403


@fact(AREA, "What an authorizer said is kept for its TTL, by its identity sources.", LAMBDA)
def test_what_was_said_is_kept(decided):
    books = decided(AuthorizerResultTtlInSeconds=300)

    first, again, other = [
        said_of(books.send("GET", headers={"authorization": said}))["once"] for said in ("yes", "yes", "yes please")
    ]

    assert first == again
    assert first != other


@fact(AREA, 'A route with AWS_IAM and a request that is not signed is 403 `{"message":"Forbidden"}`.', IAM)
def test_iam_wants_a_signature(cloud, function):
    answer = cloud.api(function, route={"AuthorizationType": "AWS_IAM"}).send("GET")

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@fact(AREA, "A wrong signature is answered as none: API Gateway tells the client nothing of it.", IAM)
def test_a_wrong_signature_is_answered_as_none(cloud, function):
    guessed = Signed(replace(cloud.signing, secret_access_key="a guess"), "execute-api", cloud.region)

    answer = cloud.api(function, route={"AuthorizationType": "AWS_IAM"}).send("GET", auth=guessed)

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@fact(AREA, "Who has signed is in `requestContext.authorizer.iam`, with the ARN that STS has for them.", IAM_EVENT)
def test_who_has_signed_is_in_the_event(cloud, function):
    signed = Signed(cloud.signing, "execute-api", cloud.region)

    answer = cloud.api(function, route={"AuthorizationType": "AWS_IAM"}).send("POST", json={"a": 1}, auth=signed)

    caller = answer.json()["requestContext"]["authorizer"]["iam"]
    assert caller["accessKey"] == cloud.signing.access_key_id
    assert caller["userArn"] == cloud.client("sts").get_caller_identity()["Arn"]
