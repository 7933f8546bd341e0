"""The cloud that tests/contract asks, by AWS's public APIs alone: the local AWS, or AWS itself.

With FASTLAMBDA_CONTRACT_AWS=1 it is the account and Region of the shell's own AWS configuration.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import sys
import uuid
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import background
import boto3
import httpx
from access_keys import of_boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from contract_facts import CONTRACT

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws import RetryPolicy
from local_aws import running_local_aws

ON_AWS = os.environ.get("FASTLAMBDA_CONTRACT_AWS") == "1"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
PATIENCE_S = 600.0 if ON_AWS else 30.0
"""Two retries take three minutes on AWS, and log lines and traces arrive late; here all of it comes at once."""

_PAUSE_S = 2.0 if ON_AWS else 0.01
_POLICIES = ("AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole")
_MAY = ["sqs:SendMessage", "xray:PutTraceSegments", "xray:PutTelemetryRecords", "lambda:InvokeFunction"]
_BY_URL = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Answer:
    """What Invoke answered; `log` are the lines of the tail."""

    status: int
    body: bytes
    error: str | None
    version: str | None
    request_id: str
    log: list[str]

    @property
    def payload(self) -> Any:
        return json.loads(self.body)

    def logged(self, start: str) -> str:
        """The one line of the tail that begins so."""
        (line,) = [line for line in self.log if line.startswith(start)]
        return line


@dataclass(frozen=True, slots=True)
class Api:
    """An HTTP API or a function URL; `send` is httpx's `request` with a path in place of the URL."""

    id: str
    url: str
    http: httpx.Client
    endpoint: str | None

    def send(self, method: str, path: str = "/", headers: Any = None, **body: Any) -> Any:
        return self.http.request(method, **self._addressed(path, headers), **body)

    def stream(self, method: str, path: str = "/", headers: Any = None, **body: Any) -> Any:
        """The same, for an answer that is read while it comes; httpx's `stream`."""
        return self.http.stream(method, **self._addressed(path, headers), **body)

    def _addressed(self, path: str, headers: Any) -> dict[str, Any]:
        self.http.cookies.clear()  # what a case is given must not reach the next one
        if self.endpoint is None:
            return {"url": self.url + path, "headers": headers}
        host = {
            "Host": self.url.removeprefix("http://")
        }  # names under localhost resolve by themselves in browsers only
        given = httpx.Headers(headers)
        return {"url": self.endpoint + path, "headers": [*host.items(), *given.multi_items()]}


@dataclass(frozen=True, slots=True)
class UserPool:
    """A user pool: what an authorizer is told of it, and the tokens of its user."""

    issuer: str
    client: str
    id_token: str
    access_token: str

    @property
    def authorizer(self) -> dict[str, Any]:
        """The settings of a JWT authorizer that lets its users pass."""
        return {
            "AuthorizerType": "JWT",
            "IdentitySource": ["$request.header.Authorization"],
            "JwtConfiguration": {"Issuer": self.issuer, "Audience": [self.client]},
        }


@dataclass
class Cloud:
    """AWS, and what was made in it; `endpoint` and `keys` are None where it is AWS itself."""

    endpoint: str | None
    keys: Keys | None
    http: httpx.Client
    made: contextlib.ExitStack
    suffix: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _clients: dict[str, Any] = field(default_factory=dict)
    _functions: dict[str, str] = field(default_factory=dict)
    _role: str | None = None

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.made.enter_context(
                contextlib.closing(
                    boto3.client(
                        service,
                        endpoint_url=self.endpoint,
                        config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
                        **({"region_name": "us-east-1", **of_boto3(self.keys)} if self.keys else {}),
                    )
                )
            )
        return self._clients[service]

    @property
    def signing(self) -> Keys:
        """The keys that clients sign with."""
        if self.keys is not None:
            return self.keys
        found = boto3.Session().get_credentials().get_frozen_credentials()
        return Keys(found.access_key, found.secret_key, found.token)

    def error_of(self, service: str, operation: str, keys: Keys, tamper: Any = None, **config: Any) -> tuple[int, str]:
        """The status and the code that a call with other keys ends with; `tamper` changes it once it is signed."""
        client = boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            config=Config(retries={"total_max_attempts": 1}, **config),
            **of_boto3(keys),
        )
        with contextlib.closing(client):
            if tamper is not None:
                client.meta.events.register("before-send", tamper)
            try:
                getattr(client, operation)()
            except ClientError as error:
                return int(error.response["ResponseMetadata"]["HTTPStatusCode"]), str(error.response["Error"]["Code"])
        raise AssertionError(f"{service} has answered {operation}")

    @property
    def account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def region(self) -> str:
        return str(self.client("lambda").meta.region_name)

    def name(self, what: str) -> str:
        """A name that nothing else has."""
        return f"fastlambda-contract-{what}-{self.suffix}-{uuid.uuid4().hex[:4]}"

    def arn(self, function: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{function}"

    def function(self, module: str, **settings: Any) -> str:
        """Deploy a file of tests/contract/functions, once for each configuration; return the function's name."""
        key = json.dumps([module, settings], sort_keys=True)
        if key not in self._functions:
            self._functions[key] = self.new_function(module, **settings)
        return self._functions[key]

    def new_function(self, module: str, **settings: Any) -> str:
        """Deploy a function whose environments no other case has used."""
        name = self.name(module.replace("_", "-"))
        lambda_ = self.client("lambda")
        settings = {"Runtime": RUNTIME, "Handler": "app.handler", "Role": self.role, "Timeout": 10} | settings
        code = {"ZipFile": _package(CONTRACT / "functions" / f"{module}.py")}
        self._once_the_role_is_known(lambda_.create_function, FunctionName=name, Code=code, **settings)
        self._remove(self.client("logs").delete_log_group, logGroupName=f"/aws/lambda/{name}")
        self._remove(lambda_.delete_function, FunctionName=name)
        if self.endpoint is None:  # in the local AWS it can be invoked at once
            lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
        return name

    def invoke(self, function: str, event: Any = None, **parameters: Any) -> Answer:
        """Invoke a function, with the tail of its log when that can be had."""
        given = {"Payload": json.dumps(event).encode(), "LogType": "Tail"} | parameters
        answer = self.client("lambda").invoke(FunctionName=function, **given)
        return Answer(
            status=answer["StatusCode"],
            body=answer["Payload"].read(),
            error=answer.get("FunctionError"),
            version=answer.get("ExecutedVersion"),
            request_id=answer["ResponseMetadata"]["RequestId"],
            log=base64.b64decode(answer.get("LogResult", "")).decode().split("\n"),
        )

    def refusal(self, call: Callable[..., Any], **parameters: Any) -> dict[str, Any]:
        """The answer to a call that AWS must refuse."""
        try:
            call(**parameters)
        except ClientError as refused:
            answer: dict[str, Any] = refused.response
            return answer
        raise AssertionError(f"not refused: {parameters}")

    def api(
        self,
        function_arn: str,
        *routes: str,
        stage: str = "$default",
        authorizer: Mapping[str, Any] | None = None,
        route: Mapping[str, Any] | None = None,
        stage_settings: Mapping[str, Any] | None = None,
        payload: str = "2.0",
        timeout_ms: int = 30_000,
        **settings: Any,
    ) -> Api:
        """Make an HTTP API in front of a function or its alias, with what its routes have in common."""
        gateway = self.client("apigatewayv2")
        made = gateway.create_api(Name=self.name("api"), ProtocolType="HTTP", **settings)
        api_id = made["ApiId"]
        self._remove(gateway.delete_api, ApiId=api_id)
        target = gateway.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=function_arn,
            PayloadFormatVersion=payload,
            TimeoutInMillis=timeout_ms,
        )["IntegrationId"]
        of_route = dict(route or {})
        if authorizer:
            made_authorizer = gateway.create_authorizer(ApiId=api_id, Name="contract", **authorizer)
            of_route["AuthorizerId"] = made_authorizer["AuthorizerId"]
        for key in routes or ("$default",):
            gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{target}", **of_route)
        self.client("lambda").add_permission(
            FunctionName=function_arn,
            StatementId=f"api-{api_id}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{self.region}:{self.account}:{api_id}/*",
        )
        gateway.create_stage(ApiId=api_id, StageName=stage, AutoDeploy=True, **(stage_settings or {}))
        if self.endpoint is None:
            eventually(lambda: "LastDeploymentStatusMessage" in gateway.get_stage(ApiId=api_id, StageName=stage))
        return Api(api_id, made["ApiEndpoint"], self.http, self.endpoint)

    def url(self, function: str, *, auth: str = "NONE", allowed: Collection[str] = _BY_URL, **settings: Any) -> Api:
        """Make the URL of a function, and let everybody use it who has an auth type's way."""
        lambda_ = self.client("lambda")
        made = lambda_.create_function_url_config(FunctionName=function, AuthType=auth, **settings)["FunctionUrl"]
        self._remove(lambda_.delete_function_url_config, FunctionName=function)
        for action in allowed:
            name = action.partition(":")[2]
            by_url = {"FunctionUrlAuthType": auth} if name.endswith("Url") else {"InvokedViaFunctionUrl": True}
            lambda_.add_permission(FunctionName=function, StatementId=name, Action=action, Principal="*", **by_url)
        url = made.rstrip("/")
        return Api(url.partition("://")[2].partition(".")[0], url, self.http, self.endpoint)

    def user_pool(self) -> UserPool:
        """Make a user pool of Amazon Cognito with one client and one user."""
        cognito = self.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName=self.name("pool"))["UserPool"]["Id"]
        self._remove(cognito.delete_user_pool, UserPoolId=pool)
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        made = cognito.create_user_pool_client(UserPoolId=pool, ClientName="contract", ExplicitAuthFlows=flows)
        client, password = made["UserPoolClient"]["ClientId"], f"Aa1-{uuid.uuid4().hex}"
        cognito.admin_create_user(UserPoolId=pool, Username="momo", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool, Username="momo", Password=password, Permanent=True)
        tokens = cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "momo", "PASSWORD": password},
        )["AuthenticationResult"]
        issuer = f"https://cognito-idp.{self.region}.amazonaws.com/{pool}"
        return UserPool(issuer, client, tokens["IdToken"], tokens["AccessToken"])

    def queue(self, suffix: str = "", **attributes: str) -> tuple[str, str]:
        """Make a queue; return its URL and its ARN."""
        name = self.name("queue") + suffix
        url = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._remove(self.client("sqs").delete_queue, QueueUrl=url)
        return url, f"arn:aws:sqs:{self.region}:{self.account}:{name}"

    def mapping(self, function: str, queue_arn: str, **settings: Any) -> None:
        """Have a function consume a queue, and its answers name what failed."""
        lambda_ = self.client("lambda")
        reports = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
        made = self._once_the_role_is_known(
            lambda_.create_event_source_mapping, FunctionName=function, EventSourceArn=queue_arn, **reports | settings
        )
        self._remove(lambda_.delete_event_source_mapping, UUID=made["UUID"])

    def received(self, url: str) -> dict[str, Any]:
        """Wait for a message of a queue that nothing else consumes."""
        ask = self.client("sqs").receive_message
        wanted = {"MaxNumberOfMessages": 1, "AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        message: dict[str, Any] = eventually(lambda: ask(QueueUrl=url, **wanted).get("Messages"))[0]
        return message

    def lines(self, function: str, pattern: str, count: int = 1) -> list[str]:
        """Wait for at least so many lines of a function's log that match a filter pattern."""
        pages = self.client("logs").get_paginator("filter_log_events")

        def found() -> list[str] | None:
            try:
                listed = list(pages.paginate(logGroupName=f"/aws/lambda/{function}", filterPattern=pattern))
            except self.client("logs").exceptions.ResourceNotFoundException:
                return None  # nothing has run yet
            lines = [event["message"].rstrip("\n") for page in listed for event in page["events"]]
            return lines if len(lines) >= count else None

        return eventually(found)

    def access_log(self) -> str:
        """Make a log group for access logs; return its ARN as API Gateway wants it."""
        name = self.name("access")
        self.client("logs").create_log_group(logGroupName=name)
        self._remove(self.client("logs").delete_log_group, logGroupName=name)
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{name}"

    def logged(self, group_arn: str, count: int = 1) -> list[str]:
        """Wait for so many lines of a log group."""
        name = group_arn.rpartition(":")[2]

        def found() -> list[str] | None:
            events = self.client("logs").filter_log_events(logGroupName=name)["events"]
            return [event["message"] for event in events] if len(events) >= count else None

        return eventually(found)

    def seen(self, consumer: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many invocations of the consumer: its event and its request id."""
        return [json.loads(line) for line in self.lines(consumer, '{ $.said = "seen" }', count)]

    @property
    def role(self) -> str:
        """The ARN of the functions' role."""
        if self._role is None:
            iam, name = self.client("iam"), self.name("role")
            services = ["lambda.amazonaws.com", "scheduler.amazonaws.com"]
            trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}
            made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trusted))
            self._remove(iam.delete_role, RoleName=name)
            for policy in _POLICIES:
                arn = f"arn:aws:iam::aws:policy/service-role/{policy}"
                iam.attach_role_policy(RoleName=name, PolicyArn=arn)
                self._remove(iam.detach_role_policy, RoleName=name, PolicyArn=arn)
            allowed = {"Effect": "Allow", "Action": _MAY, "Resource": "*"}
            iam.put_role_policy(RoleName=name, PolicyName="contract", PolicyDocument=_policy(allowed))
            self._remove(iam.delete_role_policy, RoleName=name, PolicyName="contract")
            self._role = made["Role"]["Arn"]
        return self._role

    def fire_now(self, function: str, zone: str | None = None, **target: Any) -> tuple[str, str]:
        """Schedule an invocation for now, as clocks have it in a time zone; the schedule's ARN, and that time."""
        scheduler, name = self.client("scheduler"), self.name("schedule")
        at = f"{datetime.now(ZoneInfo(zone) if zone else UTC):%Y-%m-%dT%H:%M:%S}"
        made = scheduler.create_schedule(
            Name=name,
            ScheduleExpression=f"at({at})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": self.arn(function), "RoleArn": self.role, **target},
            **({"ScheduleExpressionTimezone": zone} if zone else {}),
        )
        self.removed_later(scheduler.delete_schedule, Name=name)
        return str(made["ScheduleArn"]), at

    def removed_later(self, call: Callable[..., Any], **parameters: Any) -> None:
        """Remove something when all cases have run."""
        self._remove(call, **parameters)

    def _remove(self, call: Callable[..., Any], **parameters: Any) -> None:
        def remove() -> None:
            try:
                call(**parameters)
            except ClientError as problem:
                # A log group is there only once something was written, and a case may have removed what it made.
                if not any(word in problem.response["Error"]["Code"] for word in ("NotFound", "NonExistent", "NoSuch")):
                    raise

        if self.endpoint is None:  # the local AWS ends with its folder
            self.made.callback(remove)

    def _once_the_role_is_known(self, call: Callable[..., Any], **parameters: Any) -> Any:
        def attempt() -> Any:
            try:
                return call(**parameters)
            except self.client("lambda").exceptions.InvalidParameterValueException as problem:
                if "role" not in str(problem):  # a new role takes some seconds to be known everywhere
                    raise
                return None

        return eventually(attempt)


def eventually(attempt: Callable[[], _Found | None]) -> _Found:
    """Try until there is something, and fail if there never is; AWS takes longer."""
    return background.eventually(attempt, PATIENCE_S, _PAUSE_S)


@contextlib.contextmanager
def running_cloud(directory: Path) -> Iterator[Cloud]:
    """Start the local AWS, or connect to AWS, and remove all that was made at the end."""
    with contextlib.ExitStack() as made:
        http = made.enter_context(httpx.Client(timeout=60, trust_env=ON_AWS))
        at_once = RetryPolicy(after_error_s=(0.0, 0.0), throttle_first_s=0.0)
        if ON_AWS:
            yield Cloud(None, None, http, made)
        else:
            aws = made.enter_context(running_local_aws(directory, retries=at_once))
            yield Cloud(aws.endpoint_url, aws.keys, http, made)


def _package(source: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source.read_text(encoding="utf-8"))
    return buffer.getvalue()


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
