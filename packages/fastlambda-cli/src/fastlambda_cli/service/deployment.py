"""What a service asks of AWS round its function; `dev` accepts all of it and needs none of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from fastlambda_cli.service.record import ContradictionError, Record

_ACTION = r"^[a-z0-9-]+:[A-Za-z0-9]+$"
_RESOURCE = r"^(\*|arn:([^\s${}]|\$\{AWS::(AccountId|Partition|Region)\})+)$"
_OPERATOR = (
    r"^((ForAllValues|ForAnyValue):)?"
    r"((String(Not)?(Equals(IgnoreCase)?|Like)|Arn(Not)?(Equals|Like)|(Not)?IpAddress|BinaryEquals|Bool"
    r"|(Numeric|Date)((Not)?Equals|(Less|Greater)Than(Equals)?))(IfExists)?|Null)$"
)
_CONDITION_KEY = r"^[A-Za-z0-9-]+:\S+$"
_SUBNET = r"^subnet-[0-9a-f]{8,17}$"
_SECURITY_GROUP = r"^sg-[0-9a-f]{8,17}$"
_TOPIC = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"
_CERTIFICATE = r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$"
_EMAIL = r"^[^\s@]+@[^\s@]+\.[^\s@]+$"
_ORIGIN = r"^(\*|https?://[^\s/]+)$"
_METHOD = r"^(\*|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$"
_HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
_ISSUER = r"^(https://[^\s?#]+|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/[^\s?#]*)?)$"
_DOMAIN = r"^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$"
_HOSTED_ZONE = r"^Z[A-Z0-9]{1,31}$"
_WORDS = r"^\S+$"

PATTERNS = {
    _ACTION: 'one action such as "dynamodb:GetItem", without wildcards',
    _RESOURCE: '"*" or an ARN, in which ${AWS::Partition}, ${AWS::Region} and ${AWS::AccountId} may stand',
    _OPERATOR: 'a condition operator of IAM, such as "StringEquals" or "ForAnyValue:StringLike"',
    _CONDITION_KEY: 'a condition key, such as "aws:SourceAccount"',
    _SUBNET: 'the id of a subnet, such as "subnet-0123456789abcdef0"',
    _SECURITY_GROUP: 'the id of a security group, such as "sg-0123456789abcdef0"',
    _TOPIC: "the ARN of an SNS topic",
    _CERTIFICATE: "the ARN of a certificate in AWS Certificate Manager",
    _EMAIL: "an e-mail address",
    _ORIGIN: '"*" or an origin such as "https://example.com", without a path',
    _METHOD: '"*" or a method in capitals, such as "GET"',
    _HEADER: '"*" or the name of a header',
    _ISSUER: (
        'an https URL, such as "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example", '
        'or for the local AWS one of this machine, such as "http://127.0.0.1:9000"'
    ),
    _DOMAIN: 'a domain name in lower case, such as "api.example.com"',
    _HOSTED_ZONE: 'the id of a Route 53 hosted zone, such as "Z0123456789ABCDEFGHIJ"',
    _WORDS: "a word without spaces",
}
"""What each pattern of this file asks for, in words."""


def _text(pattern: str) -> StringConstraints:
    return StringConstraints(pattern=pattern)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Origin = Annotated[str, _text(_ORIGIN)]
Method = Annotated[str, _text(_METHOD)]
Header = Annotated[str, _text(_HEADER)]
Words = Annotated[str, _text(_WORDS)]
Action = Annotated[str, _text(_ACTION)]
Resource = Annotated[str, _text(_RESOURCE)]
ConditionOperator = Annotated[str, _text(_OPERATOR)]
ConditionKey = Annotated[str, _text(_CONDITION_KEY)]
ConditionValues = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]),
    Field(min_length=1, strict=False),
]
"""One value, or several in an array."""

Subnet = Annotated[str, _text(_SUBNET)]
SecurityGroup = Annotated[str, _text(_SECURITY_GROUP)]


class ProvisionedSpec(Record):
    """Execution environments that wait ready on the alias.

    Attributes:
        min: How many wait at least.
        max: Up to how many Application Auto Scaling keeps ready; without it the number is fixed.
        target: The share of them in use that scaling aims at.

    """

    min: int = Field(ge=1)
    max: int | None = Field(default=None, ge=1)
    target: float = Field(default=0.7, ge=0.1, le=0.9)

    @model_validator(mode="after")
    def _can_scale(self) -> Self:
        if self.max is not None and self.max <= self.min:
            raise ContradictionError(
                f"`max` is {self.max} and `min` is {self.min}", "Raise `max`, or leave it out for a fixed number."
            )
        if self.max is None and "target" in self.model_fields_set:
            raise ContradictionError("`target` steers nothing without `max`", "Add `max`, or remove `target`.")
        return self


class ConcurrencySpec(Record):
    """How many execution environments.

    Attributes:
        reserved: Set aside for the function, and its limit; 0 stops it.
        provisioned: Kept ready before anybody asks.

    """

    reserved: int | None = Field(default=None, ge=0)
    provisioned: ProvisionedSpec | None = None

    @model_validator(mode="after")
    def _provisioned_fits(self) -> Self:
        if self.reserved is not None and self.provisioned is not None:
            wanted = self.provisioned.max or self.provisioned.min
            if wanted > self.reserved:
                raise ContradictionError(
                    f"{wanted} provisioned environments do not fit into {self.reserved} reserved ones",
                    "Raise `reserved`, or provision fewer.",
                )
        return self


class CorsSpec(Record):
    """Cross-origin requests that the HTTP API itself allows; it then answers preflights and ignores the app's headers.

    Attributes:
        origins: Such as "https://example.com", or "*".
        methods: What a cross-origin request may use, in capitals, or "*".
        headers: What a cross-origin request may have, or "*".
        expose_headers: Headers of an answer that scripts may read, or "*".
        credentials: Whether browsers send cookies; excludes every "*".
        max_age: Seconds a browser may remember the answer to a preflight.

    """

    origins: tuple[Origin, ...] = Field(min_length=1, strict=False)
    methods: tuple[Method, ...] = Field(default=("*",), min_length=1, strict=False)
    headers: tuple[Header, ...] = Field(default=("*",), min_length=1, strict=False)
    expose_headers: tuple[Header, ...] = Field(default=(), strict=False)
    credentials: bool = False
    max_age: int = Field(default=600, ge=0, le=86400)

    @model_validator(mode="after")
    def _no_wildcard_with_credentials(self) -> Self:
        open_keys = [key for key in ("origins", "methods", "headers", "expose_headers") if "*" in getattr(self, key)]
        if self.credentials and open_keys:
            raise ContradictionError(
                f'`credentials` and "*" in `{open_keys[0]}` exclude each other for browsers', "List the values."
            )
        return self


class ThrottlingSpec(Record):
    """What the HTTP API lets through.

    Attributes:
        rate: Requests a second, in the long run.
        burst: Requests at once.

    """

    rate: int = Field(ge=1)
    burst: int = Field(ge=1)


class AuthorizerSpec(Record):
    """A JWT authorizer in front of every route.

    Attributes:
        issuer: Who signs the tokens; its keys are found from there. One on this machine is for the local AWS.
        audience: One of these must be in the token's `aud` or `client_id`.
        scopes: When given, one of these must be in the token's `scope`.

    """

    issuer: Annotated[str, _text(_ISSUER)]
    audience: tuple[Words, ...] = Field(min_length=1, strict=False)
    scopes: tuple[Words, ...] = Field(default=(), strict=False)


class DomainSpec(Record):
    """A domain name of the HTTP API.

    Attributes:
        name: In lower case; "*." may stand before it.
        certificate: ARN, in the same Region.
        hosted_zone: When given, the name is added to this Route 53 hosted zone.

    """

    name: Annotated[str, _text(_DOMAIN)]
    certificate: Annotated[str, _text(_CERTIFICATE)]
    hosted_zone: Annotated[str, _text(_HOSTED_ZONE)] | None = None


class HttpSpec(Record):
    """The HTTP API."""

    cors: CorsSpec | None = None
    throttling: ThrottlingSpec | None = None
    authorizer: AuthorizerSpec | None = None
    domain: DomainSpec | None = None


class LogsSpec(Record):
    """The log groups of the function and of the HTTP API.

    Attributes:
        retention: Days; the values are those of PutRetentionPolicy (Amazon CloudWatch Logs API Reference).

    """

    retention: Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
    ] = 30  # fmt: skip


class AlarmsSpec(Record):
    """Who hears of trouble, and from where on it is trouble.

    Attributes:
        topic: ARN of an SNS topic that exists.
        email: An address that a topic of the stack sends to, once it has confirmed.
        faults: Answers of 5xx in five minutes.
        latency: Milliseconds at the 95th percentile of a minute, in three minutes of five.
        message_age: Seconds that a message of a queue waits; by default more than all its deliveries can take.

    """

    topic: Annotated[str, _text(_TOPIC)] | None = None
    email: Annotated[str, _text(_EMAIL)] | None = None
    faults: int = Field(default=5, ge=1)
    latency: int = Field(default=1000, ge=1, le=30000)
    message_age: int | None = Field(default=None, ge=60)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.topic is None) == (self.email is None):
            raise ContradictionError("alarms go either to a `topic` or to an `email`", "Give one of them.")
        return self


MAX_ROLLOUT_MINUTES = 2880
"""Between the first and the last shift of traffic (AWS CodeDeploy User Guide, "CodeDeploy quotas")."""


class RolloutSpec(Record):
    """How traffic moves from the version that is live to a new one.

    Attributes:
        type: At once; first a share of the requests and then all; or one share after another.
        percent: The share.
        minutes: How long a share is looked at before the next follows.
        faults: Answers of 5xx, or failed invocations, in one minute, from where on everybody goes back.

    """

    type: Literal["all-at-once", "canary", "linear"] = "all-at-once"
    percent: int = Field(default=10, ge=1, le=99)
    minutes: int = Field(default=5, ge=1, le=MAX_ROLLOUT_MINUTES)
    faults: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _has_a_type(self) -> Self:
        # A stage may say "all-at-once" and inherit the rest, which is idle then and no mistake.
        if self.model_fields_set and "type" not in self.model_fields_set:
            raise ContradictionError(
                f"`{min(self.model_fields_set)}` shapes nothing without a `type`", 'Add type = "canary" or "linear".'
            )
        return self

    @model_validator(mode="after")
    def _ends_in_time(self) -> Self:
        pauses = -(-100 // self.percent) - 1
        if self.type == "linear" and pauses * self.minutes > MAX_ROLLOUT_MINUTES:
            raise ContradictionError(
                f"{pauses} pauses of {self.minutes} minutes are more than CodeDeploy's {MAX_ROLLOUT_MINUTES}",
                "Raise `percent`, or lower `minutes`.",
            )
        return self


class VpcSpec(Record):
    """The VPC that the function is in.

    Attributes:
        subnets: Their ids; 16 at the most.
        security_groups: Their ids; 5 at the most.

    """

    subnets: tuple[Subnet, ...] = Field(min_length=1, max_length=16, strict=False)
    security_groups: tuple[SecurityGroup, ...] = Field(min_length=1, max_length=5, strict=False)


class IdempotencySpec(Record):
    """What is done once: consumers with `idempotent=...`, and requests with an Idempotency-Key.

    Attributes:
        expires: Seconds that what was done is remembered; then the same is done again.

    """

    expires: int = Field(default=86_400, ge=60, le=31_536_000)


class PermissionSpec(Record):
    """One more statement for the execution role.

    Attributes:
        actions: What is allowed; no wildcards.
        resources: On what; "*" is for actions that take no resource, or for a condition to narrow.
        conditions: When; values by condition key by operator (IAM User Guide, "IAM JSON policy elements: Condition").

    """

    actions: tuple[Action, ...] = Field(min_length=1, strict=False)
    resources: tuple[Resource, ...] = Field(min_length=1, strict=False)
    conditions: dict[ConditionOperator, dict[ConditionKey, ConditionValues]] = Field(default_factory=dict)
