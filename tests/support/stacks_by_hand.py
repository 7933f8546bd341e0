"""Stacks as any tool would deploy them: boto3, a template and an artifact, and nothing of the engine that deploys."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.localised import localised


class StackByHand:
    """A stack of the local AWS, with an artifact bucket of its own; what the emulator lacks is left out of it."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.name = name
        self._cloudformation = aws.client("cloudformation")
        self._s3 = aws.client("s3")
        self._bucket = f"{name}-artifacts"
        self._s3.create_bucket(Bucket=self._bucket)

    def create(self, document: Mapping[str, Any], code: str, **parameters: str) -> None:
        self._cloudformation.create_stack(**self._request(document, code, parameters))
        self._wait("stack_create_complete")

    def update(self, document: Mapping[str, Any], code: str, **parameters: str) -> None:
        self._cloudformation.update_stack(**self._request(document, code, parameters))
        self._wait("stack_update_complete")

    def delete(self) -> None:
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def outputs(self) -> dict[str, str]:
        (stack,) = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def _request(self, document: Mapping[str, Any], code: str, others: Mapping[str, str]) -> dict[str, Any]:
        artifact = _zip(code)
        digest = hashlib.sha256(artifact)
        self._s3.put_object(Bucket=self._bucket, Key=digest.hexdigest(), Body=artifact)
        parameters = {
            "ArtifactBucket": self._bucket,
            "ArtifactKey": digest.hexdigest(),
            "ArtifactSha256": base64.b64encode(digest.digest()).decode(),
            **others,
        }
        return {
            "StackName": self.name,
            "TemplateBody": json.dumps(localised(document)[0]),
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM"],
        }

    def _wait(self, state: Any) -> None:
        waiter = self._cloudformation.get_waiter(state)
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def _zip(code: str) -> bytes:
    """An artifact that is the same for the same code."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(zipfile.ZipInfo("lambda_handler.py"), code)
    return written.getvalue()
