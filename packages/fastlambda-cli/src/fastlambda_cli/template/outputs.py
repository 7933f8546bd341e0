"""What a person or a program wants to know of a stack that stands."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.template.dashboard import DASHBOARD
from fastlambda_cli.template.function import ALIAS, FUNCTION, LIVE
from fastlambda_cli.template.http import API, DOMAIN
from fastlambda_cli.template.intrinsics import get_att, ref, sub
from fastlambda_cli.template.logs import ACCESS_LOGS, FUNCTION_LOGS
from fastlambda_cli.template.role import ROLE
from fastlambda_cli.template.stack import Stack


def outputs(stack: Stack) -> dict[str, dict[str, Any]]:
    """Every output by name."""
    described = {
        "ApiUrl": ("The HTTP API.", get_att(API, "ApiEndpoint")),
        "HealthUrl": (
            "What a deployment asks when traffic has moved.",
            sub(f"${{{API}.ApiEndpoint}}{stack.configuration.health}"),
        ),
        "FunctionName": ("The function.", ref(FUNCTION)),
        "AliasName": ("Where the live version is.", LIVE),
        "AliasArn": ("What to invoke: the version that is live.", ref(ALIAS)),
        "RoleArn": ("The execution role.", get_att(ROLE, "Arn")),
        "LogGroupName": ("The function's log.", ref(FUNCTION_LOGS)),
        "AccessLogGroupName": ("The HTTP API's access log.", ref(ACCESS_LOGS)),
        "DashboardUrl": (
            "The dashboard.",
            sub(
                "https://console.aws.amazon.com/cloudwatch/home"
                f"?region=${{AWS::Region}}#dashboards/dashboard/${{{DASHBOARD}}}"
            ),
        ),
    }
    if stack.configuration.http.domain is not None:
        described["DomainUrl"] = ("The HTTP API under its own name.", sub(f"https://${{{DOMAIN}}}"))
        described["DomainTarget"] = (
            "Where a CNAME or alias record of the name must lead.",
            get_att(DOMAIN, "RegionalDomainName"),
        )
    return {name: {"Description": text, "Value": value} for name, (text, value) in described.items()}
