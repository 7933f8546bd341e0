"""An HTTP API that is deployed answers under its own host, and hands requests to the version its alias names."""

from __future__ import annotations

import json

import pytest
from background import eventually
from botocore.exceptions import ClientError, WaiterError
from deployed_apis import ACCOUNT, SHOW_EVENT, permit
from deployed_functions import RUNTIME

from fastlambda_cli.local.model import HttpExchange, Notice
from fastlambda_cli.template.http import ACCESS_LOG_FORMAT


def test_the_endpoint_of_an_api_is_a_name_under_localhost_at_the_front_doors_port(aws, api):
    port = aws.aws.endpoint_url.rpartition(":")[2]

    books = api()

    assert books.url == f"http://{books.id}.execute-api.localhost:{port}"


def test_a_request_reaches_the_version_behind_the_alias(api, show_event):
    books = api()

    answer = books("POST", "/api/v1/books?q=emma", json={"title": "Emma"}).json()

    event = answer["event"]
    assert (answer["version"], answer["arn"]) == ("1", show_event)
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("/api/v1/books", "q=emma")
    assert json.loads(event["body"]) == {"title": "Emma"}
    context = event["requestContext"]
    assert (context["apiId"], context["stage"], context["domainPrefix"]) == (books.id, "$default", books.id)
    assert "pathParameters" not in event
    assert "stageVariables" not in event


def test_the_region_may_stand_in_the_host(api):
    books = api()

    answer = books("GET", "/", host=f"{books.id}.execute-api.us-east-1.localhost")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "route", "parameters"),
    [
        ("GET", "/books", "GET /books", None),
        ("DELETE", "/books", "ANY /books", None),
        ("GET", "/books/7", "GET /books/{id}", {"id": "7"}),
        ("GET", "/books/a%20b", "GET /books/{id}", {"id": "a b"}),
        ("PUT", "/books/7", "ANY /{proxy+}", {"proxy": "books/7"}),
        ("GET", "/books/7/reviews", "GET /books/{proxy+}", {"proxy": "7/reviews"}),
        ("GET", "/authors/austen/books", "ANY /{proxy+}", {"proxy": "authors/austen/books"}),
    ],
)
def test_the_most_exact_route_is_taken(api, method, path, route, parameters):
    books = api("ANY /{proxy+}", "GET /books/{proxy+}", "GET /books/{id}", "ANY /books", "GET /books")

    event = books.event(method, path)

    assert event["routeKey"] == event["requestContext"]["routeKey"] == route
    assert event.get("pathParameters") == parameters


def test_a_path_without_a_route_is_not_found(api):
    answer = api("GET /books")("GET", "/authors")

    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_a_named_stage_is_the_first_segment_and_stays_in_the_raw_path(api):
    books = api("GET /books/{id}", stage="test")

    assert books.event("GET", "/test/books/7")["rawPath"] == "/test/books/7"
    assert books("GET", "/books/7").status_code == 404


def test_an_unknown_api_is_not_found(api):
    books = api()

    answer = books("GET", "/", host="nobody.execute-api.localhost")

    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_without_a_permission_the_gateway_answers_500_and_says_why(aws, api):
    aws.told.clear()

    answer = api(permitted=None)("GET", "/")

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert any("its policy has no permission for arn:aws:execute-api" in notice.text for notice in aws.heard(Notice))


@pytest.mark.parametrize(
    ("permitted", "route", "status"),
    [("*/$default", "$default", 200), ("*/GET/books", "GET /books", 200), ("*/GET/other", "GET /books", 500)],
)
def test_a_permission_is_for_the_routes_that_it_names(api, permitted, route, status):
    assert api(route, permitted=permitted)("GET", "/books").status_code == status


def test_an_authorizer_that_is_not_there_lets_nobody_through_and_says_so(aws, api):
    aws.told.clear()

    answer = api(route={"AuthorizationType": "CUSTOM", "AuthorizerId": "one"})("GET", "/")

    assert answer.status_code == 501
    assert "nobody is let through" in answer.json()["message"]
    assert any("has an authorizer that is not there" in notice.text for notice in aws.heard(Notice))


def test_an_integration_may_ask_for_payload_format_1(api):
    event = api("GET /books/{id}", integration={"PayloadFormatVersion": "1.0"}).event("GET", "/books/7?a=1&a=2")

    assert (event["version"], event["resource"], event["path"]) == ("1.0", "/books/{id}", "/books/7")
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}


def test_integrations_with_others_than_lambda_are_not_served_in_silence(api):
    proxy = api(integration={"IntegrationType": "HTTP_PROXY"}, uri="https://example.com")

    assert "HTTP_PROXY" in proxy("GET", "/").json()["message"]


def test_a_configured_cors_answers_preflights_and_replaces_the_functions_headers(api):
    origin = "http://localhost:3000"
    cors = {"AllowOrigins": [origin], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["x-books"], "MaxAge": 60}
    books = api(CorsConfiguration=cors)

    preflight = books("OPTIONS", "/", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    allowed = books("GET", "/", headers={"Origin": origin})
    other = books("GET", "/", headers={"Origin": "http://localhost:4000"})

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == origin
    assert preflight.headers["access-control-allow-methods"] == "GET,POST"
    assert preflight.headers["access-control-allow-headers"] == "x-books"
    assert preflight.headers["access-control-max-age"] == "60"
    assert allowed.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in other.headers


def test_without_a_configured_cors_the_function_answers_preflights(api):
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}

    answer = api()("OPTIONS", "/", headers=headers)

    assert answer.headers["access-control-allow-origin"] == "the app"
    assert answer.json()["event"]["requestContext"]["http"]["method"] == "OPTIONS"


def test_pages_of_other_sites_are_refused_and_those_of_the_api_itself_are_not(api):
    books = api()

    assert books("POST", "/", headers={"Origin": "https://evil.example"}).status_code == 403
    assert books("POST", "/", headers={"Origin": books.url}).status_code == 200


def test_the_control_plane_is_not_behind_an_apis_host(api):
    books = api()

    assert books.event("GET", "/2015-03-31/functions/")["rawPath"] == "/2015-03-31/functions/"
    assert books.event("GET", "/_ministack/reset")["rawPath"] == "/_ministack/reset"


def test_a_function_that_is_gone_is_a_500_with_its_reason_in_the_log(aws, api):
    name = aws.create(SHOW_EVENT)
    arn = aws.lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    books = api(uri=arn)
    permit(aws, name, f"{books.id}/*")
    assert books("GET", "/").status_code == 200
    aws.told.clear()

    aws.lambda_.delete_function(FunctionName=name)

    assert books("GET", "/").status_code == 500
    refused = eventually(lambda: [exchange for exchange in aws.heard(HttpExchange) if exchange.error])
    assert "no permission" in refused[0].error


def test_a_stage_throttles_its_routes_together_and_a_route_with_limits_of_its_own_alone(api):
    shared, own = ({"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": burst} for burst in (1, 2))
    settings = {"DefaultRouteSettings": shared, "RouteSettings": {"GET /own": own}}
    books = api("GET /a", "GET /b", "GET /own", stage_settings=settings)

    statuses = [books("GET", path).status_code for path in ("/a", "/b", "/own", "/own", "/own")]

    assert statuses == [200, 429, 200, 200, 429]


def test_a_websocket_api_is_refused_by_name_by_a_stack_too(aws):
    gateway, stacks = aws.client("apigatewayv2"), aws.client("cloudformation")
    shape = {"Name": "chat", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}
    template = {"Resources": {"Chat": {"Type": "AWS::ApiGatewayV2::Api", "Properties": shape}}}

    with pytest.raises(ClientError, match="serves no WebSocket APIs") as refused:
        gateway.create_api(**shape)
    stacks.create_stack(StackName="chat", TemplateBody=json.dumps(template))
    with pytest.raises(WaiterError):
        stacks.get_waiter("stack_create_complete").wait(StackName="chat", WaiterConfig={"Delay": 0.1})

    assert refused.value.response["Error"]["Code"] == "UnsupportedOperation"
    events = stacks.describe_stack_events(StackName="chat")["StackEvents"]
    assert any("serves no WebSocket APIs" in event.get("ResourceStatusReason", "") for event in events)


TEMPLATE = {
    "Resources": {
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": RUNTIME,
                "Handler": "index.handler",
                "Role": f"arn:aws:iam::{ACCOUNT}:role/books",
                "Code": {"ZipFile": "def handler(event, context): return context.function_version"},
            },
        },
        "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}},
        "Alias": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]},
                "Name": "live",
            },
        },
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "books",
                "ProtocolType": "HTTP",
                "CorsConfiguration": {"AllowOrigins": ["http://localhost:3000"], "MaxAge": 5},
            },
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Ref": "Alias"},
                "PayloadFormatVersion": "2.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": "$default",
                "Target": {"Fn::Sub": "integrations/${Integration}"},
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "Alias"},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/$default"},
            },
        },
    },
    "Outputs": {"ApiUrl": {"Value": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}}},
}


@pytest.mark.slow
def test_what_cloudformation_makes_is_served_also_by_a_later_start_on_another_port(start_aws, client, tmp_path):
    def ask(aws):
        outputs = aws.client("cloudformation").describe_stacks(StackName="books")["Stacks"][0]["Outputs"]
        url = outputs[0]["OutputValue"]
        assert url.endswith(f".execute-api.localhost:{aws.aws.endpoint_url.rpartition(':')[2]}")
        headers = {"Host": url.removeprefix("http://"), "Origin": "http://localhost:3000"}
        answer = client.get(aws.aws.endpoint_url, headers=headers)
        return answer.json(), answer.headers["access-control-allow-origin"]

    with start_aws(tmp_path) as first:
        stacks = first.client("cloudformation")
        stacks.create_stack(StackName="books", TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"])
        stacks.get_waiter("stack_create_complete").wait(StackName="books", WaiterConfig={"Delay": 0.1})
        before = ask(first)
    with start_aws(tmp_path) as second:
        after = ask(second)

    assert before == after == (1, "http://localhost:3000")


def test_a_stage_writes_an_access_log_into_its_group(aws, api):
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/books/access")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/books/access"
    settings = {"DestinationArn": group, "Format": json.dumps(ACCESS_LOG_FORMAT)}
    books = api("GET /books/{id}", stage_settings={"AccessLogSettings": settings})
    denied = api(permitted=None, stage_settings={"AccessLogSettings": {"DestinationArn": f"{group}:*"} | settings})

    answer = books("GET", "/books/7")
    books("GET", "/authors")
    denied("GET", "/")

    def lines():
        found = logs.filter_log_events(logGroupName="/books/access")["events"]
        return [json.loads(event["message"]) for event in found] if len(found) == 3 else None

    good, missing, forbidden = eventually(lines)
    assert (good["path"], good["status"], good["requestId"]) == ("/books/7", "200", answer.headers["apigw-requestid"])
    assert (missing["status"], missing["error"], missing["integrationStatus"]) == ("404", "Not Found", "-")
    assert "doesn't have permissions to call the integration" in forbidden["integrationError"]
    assert [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName="/books/access")["logStreams"]]
