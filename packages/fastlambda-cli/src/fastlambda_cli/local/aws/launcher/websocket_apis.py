"""WebSocket APIs are refused by name: ministack would make one, and nothing would answer behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from needed import when_needed, when_provisioned  # type: ignore[import-not-found,unused-ignore]

_REFUSAL = "The local AWS serves no WebSocket APIs: make one with ProtocolType HTTP."


def refuse_websockets() -> None:
    """Have API Gateway's API and CloudFormation refuse APIs of the protocol type WEBSOCKET."""
    when_needed("apigateway", _change)
    when_provisioned("AWS::ApiGatewayV2::Api", _provisioning)


def _change(apigateway: Any) -> None:
    create = apigateway._create_api  # noqa: SLF001

    def created(data: Mapping[str, Any]) -> Any:
        if data.get("protocolType") == "WEBSOCKET":
            return apigateway._apigw_error("UnsupportedOperation", _REFUSAL, 400)  # noqa: SLF001
        return create(data)

    apigateway._create_api = created  # noqa: SLF001


def _provisioning(create: Any) -> Any:
    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        if properties.get("ProtocolType") == "WEBSOCKET":
            raise ValueError(_REFUSAL)
        return create(logical_id, properties, stack_name)

    return created
