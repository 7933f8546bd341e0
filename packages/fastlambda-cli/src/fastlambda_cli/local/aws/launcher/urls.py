"""Function URLs that lead to this machine: a template hands them to other functions, and not only to people."""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.services import lambda_svc  # type: ignore[import-not-found,unused-ignore]

_TAKEN_FOR_URLS = re.compile(r"(?P<before>/[0-9-]+/functions/)(?P<name>url[^/]*)(?P<after>/.*)?")


def make_local_urls(port: int) -> None:
    """Make function URLs at the front door's port, where ministack makes those that AWS would.

    A function whose name begins with `url` is no function URL: ministack takes each request about it for one.
    """
    lambda_svc.handle_request = _by_arn(lambda_svc.handle_request)
    lambda_svc._create_function_url_config = _local(lambda_svc._create_function_url_config, port)  # noqa: SLF001


def function_url(url_id: str) -> bytes:
    """Find whose URL it is, as JSON; nothing when there is none."""
    found = lambda_svc.resolve_function_url(url_id)
    if found is None:
        return b""
    _, _, name, qualifier, configuration = found
    return json.dumps({"function": name, "qualifier": qualifier, "configuration": configuration}).encode()


def _by_arn(handle: Any) -> Any:
    async def handled(method: str, path: str, *rest: Any) -> Any:
        if found := _TAKEN_FOR_URLS.fullmatch(path):
            place = f"{lambda_svc.get_region()}:{lambda_svc.get_account_id()}"
            path = f"{found['before']}arn:aws:lambda:{place}:function:{found['name']}{found['after'] or ''}"
        return await handle(method, path, *rest)

    return handled


def _local(create: Any, port: int) -> Any:
    def created(name: str, data: dict[str, Any], qualifier: str | None) -> Any:
        status, headers, body = create(name, data, qualifier)
        if status >= 400:  # noqa: PLR2004
            return status, headers, body
        kept = lambda_svc._function_urls[lambda_svc._url_config_key(name, qualifier)]  # noqa: SLF001
        url_id = lambda_svc._function_url_id(kept["FunctionUrl"])  # noqa: SLF001
        kept["FunctionUrl"] = f"http://{url_id}.lambda-url.localhost:{port}/"
        if qualifier:
            kept["FunctionArn"] = f"{kept['FunctionArn'].removesuffix(f':{qualifier}')}:{qualifier}"
        return lambda_svc.json_response(kept, status=status)

    return created
