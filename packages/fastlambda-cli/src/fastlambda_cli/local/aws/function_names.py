"""What callers write for a function: its name, a partial ARN or a full ARN, with or without a qualifier."""

from __future__ import annotations

import re
from typing import NamedTuple

from fastlambda_cli.local.aws.invoke_errors import bad_parameter
from fastlambda_cli.local.model import ACCOUNT_ID, REGION

# The pattern of the parameter FunctionName in the AWS Lambda API Reference, "Invoke".
_FUNCTION_NAME = re.compile(
    r"(?P<arn>arn:aws[a-zA-Z-]*:lambda:)?"
    r"((?P<region>[a-z]{2}(-[a-z]+)+-\d):)?"
    r"((?P<account>\d{12}):)?"
    r"(function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(:(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


class FunctionReference(NamedTuple):
    """A function as a caller named it.

    Attributes:
        qualifier: The version or alias; None when the caller gave none.

    """

    name: str
    region: str = REGION
    account: str = ACCOUNT_ID
    qualifier: str | None = None

    @property
    def arn(self) -> str:
        """The ARN, with the qualifier the caller used: what `context.invoked_function_arn` shows."""
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"
        return f"{arn}:{self.qualifier}" if self.qualifier else arn

    @property
    def is_here(self) -> bool:
        """Whether it would be in the local account and region."""
        return (self.region, self.account) == (REGION, ACCOUNT_ID)


def parse_function_name(text: str, qualifier: str | None) -> FunctionReference | None:
    """Read the `FunctionName` and the `Qualifier` of a request; None when no function can be called that.

    Raises:
        InvokeError: Name and parameter name different qualifiers.

    """
    match = _FUNCTION_NAME.fullmatch(text)
    if match is None:
        return None
    in_name = match["qualifier"]
    if in_name and qualifier and in_name != qualifier:
        raise bad_parameter("The derived qualifier from the function name does not match the specified qualifier.")
    return FunctionReference(
        match["name"], match["region"] or REGION, match["account"] or ACCOUNT_ID, in_name or qualifier
    )
