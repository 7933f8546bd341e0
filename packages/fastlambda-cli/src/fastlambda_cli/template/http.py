"""The HTTP API: one default route to the alias, since the app does its own routing."""

from __future__ import annotations

import json
from typing import Any

from fastlambda_cli.service.deployment import AuthorizerSpec, CorsSpec, DomainSpec
from fastlambda_cli.template.function import ALIAS
from fastlambda_cli.template.intrinsics import Resource, Resources, arn, get_att, ref, resource, sub
from fastlambda_cli.template.logs import ACCESS_LOGS
from fastlambda_cli.template.stack import Stack

API = "Api"
STAGE = "Stage"
DOMAIN = "DomainName"

ACCESS_LOG_FORMAT = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "userAgent": "$context.identity.userAgent",
    "protocol": "$context.protocol",
    "httpMethod": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationRequestId": "$context.integration.requestId",
    "integrationStatus": "$context.integration.integrationStatus",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
    "error": "$context.error.message",
}
"""One line a request (Amazon API Gateway Developer Guide, "Customize HTTP API access logs")."""


def http_resources(stack: Stack) -> Resources:
    """The API, its route to the alias, its stage, and what the configuration puts in front of them."""
    http = stack.configuration.http
    return {
        API: resource(
            "AWS::ApiGatewayV2::Api",
            {
                "Name": stack.name,
                "ProtocolType": "HTTP",
                "CorsConfiguration": _cors(http.cors) if http.cors else None,
                "Tags": stack.tag_map,
            },
        ),
        "Integration": resource(
            "AWS::ApiGatewayV2::Integration",
            {
                "ApiId": ref(API),
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": ref(ALIAS),
                "PayloadFormatVersion": "2.0",
            },
        ),
        "Route": _route(http.authorizer),
        STAGE: _stage(stack),
        "ApiPermission": resource(
            "AWS::Lambda::Permission",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": ref(ALIAS),
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": arn("execute-api", f"${{{API}}}/*/$default"),
            },
        ),
        **(_authorizer(http.authorizer) if http.authorizer else {}),
        **(_preflights() if http.authorizer and http.cors else {}),
        **(_domain(stack, http.domain) if http.domain else {}),
    }


def _cors(spec: CorsSpec) -> dict[str, Any]:
    stated = {
        "AllowOrigins": list(spec.origins),
        "AllowMethods": list(spec.methods),
        "AllowHeaders": list(spec.headers),
        "MaxAge": spec.max_age,
    }
    if spec.expose_headers:
        stated["ExposeHeaders"] = list(spec.expose_headers)
    if spec.credentials:
        stated["AllowCredentials"] = True
    return stated


def _route(authorizer: AuthorizerSpec | None) -> Resource:
    return resource(
        "AWS::ApiGatewayV2::Route",
        {
            "ApiId": ref(API),
            "RouteKey": "$default",
            "Target": sub("integrations/${Integration}"),
            "AuthorizationType": "JWT" if authorizer else "NONE",
            "AuthorizerId": ref("Authorizer") if authorizer else None,
            "AuthorizationScopes": list(authorizer.scopes) if authorizer else None,
        },
    )


def _stage(stack: Stack) -> Resource:
    throttling = stack.configuration.http.throttling
    return resource(
        "AWS::ApiGatewayV2::Stage",
        {
            "ApiId": ref(API),
            "StageName": "$default",
            "AutoDeploy": True,
            "AccessLogSettings": {
                # API Gateway wants the group's ARN without the ":*" at the end of Fn::GetAtt's.
                "DestinationArn": arn("logs", f"log-group:${{{ACCESS_LOGS}}}"),
                "Format": json.dumps(ACCESS_LOG_FORMAT, separators=(",", ":")),
            },
            "DefaultRouteSettings": {
                "ThrottlingBurstLimit": throttling.burst,
                "ThrottlingRateLimit": throttling.rate,
            }
            if throttling
            else None,
            "Tags": stack.tag_map,
        },
    )


def _authorizer(spec: AuthorizerSpec) -> Resources:
    return {
        "Authorizer": resource(
            "AWS::ApiGatewayV2::Authorizer",
            {
                "ApiId": ref(API),
                "Name": "jwt",
                "AuthorizerType": "JWT",
                "IdentitySource": ["$request.header.Authorization"],
                "JwtConfiguration": {"Issuer": spec.issuer, "Audience": list(spec.audience)},
            },
        )
    }


def _preflights() -> Resources:
    """A route for OPTIONS without the authorizer, which `$default` would ask preflights for a token with.

    It has precedence over `$default` (Amazon API Gateway Developer Guide, "Configure CORS for HTTP APIs"). The API
    answers preflights by itself; the app is only invoked with other OPTIONS requests.
    """
    return {
        "PreflightRoute": resource(
            "AWS::ApiGatewayV2::Route",
            {
                "ApiId": ref(API),
                "RouteKey": "OPTIONS /{proxy+}",
                "Target": sub("integrations/${Integration}"),
                "AuthorizationType": "NONE",
            },
        ),
        "PreflightPermission": resource(
            "AWS::Lambda::Permission",
            {
                "Action": "lambda:InvokeFunction",
                "FunctionName": ref(ALIAS),
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": arn("execute-api", f"${{{API}}}/*/OPTIONS/*"),
            },
        ),
    }


def _domain(stack: Stack, spec: DomainSpec) -> Resources:
    endpoint = {"CertificateArn": spec.certificate, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
    resources = {
        DOMAIN: resource(
            "AWS::ApiGatewayV2::DomainName",
            {"DomainName": spec.name, "DomainNameConfigurations": [endpoint], "Tags": stack.tag_map},
        ),
        "ApiMapping": resource(
            "AWS::ApiGatewayV2::ApiMapping", {"ApiId": ref(API), "DomainName": ref(DOMAIN), "Stage": ref(STAGE)}
        ),
    }
    if spec.hosted_zone is not None:
        target = {
            "DNSName": get_att(DOMAIN, "RegionalDomainName"),
            "HostedZoneId": get_att(DOMAIN, "RegionalHostedZoneId"),
        }
        resources["DomainRecord"] = resource(
            "AWS::Route53::RecordSet",
            {"Name": spec.name, "Type": "A", "HostedZoneId": spec.hosted_zone, "AliasTarget": target},
        )
    return resources
