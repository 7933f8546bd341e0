"""What Lambda refuses to make or change of a function, an alias and their settings."""

from __future__ import annotations

import pytest
from contract_facts import fact

SECTION = "Configuration"
API = "Lambda API Reference"
DEPLOYMENT = "Lambda Developer Guide, “Troubleshoot deployment issues in Lambda”"
SNAPSHOTS = "LocalStack's AWS-validated snapshots"


@pytest.fixture(scope="module")
def echo(cloud):
    name = cloud.function("echo")
    cloud.client("lambda").publish_version(FunctionName=name)
    return name


def refused(cloud, operation, function, **parameters):
    """The code and the message of the refusal."""
    call = getattr(cloud.client("lambda"), operation)
    error = cloud.refusal(call, FunctionName=function, **parameters)["Error"]
    return error["Code"], error["Message"]


@fact(SECTION, "A variable that Lambda reserves is refused by name: `InvalidParameterValueException`.", DEPLOYMENT)
def test_a_reserved_variable_is_refused(cloud, echo):
    environment = {"Variables": {"AWS_REGION": "eu-west-1", "GREETING": "hello"}}

    code, message = refused(cloud, "update_function_configuration", echo, Environment=environment)

    assert code == "InvalidParameterValueException"
    assert message.endswith("Reserved keys used in this request: AWS_REGION")


@fact(SECTION, "All variables together have at most 4 KB.", DEPLOYMENT)
def test_too_many_variables_are_refused(cloud, echo):
    environment = {"Variables": {"GREETING": "x" * 4096}}

    code, message = refused(cloud, "update_function_configuration", echo, Environment=environment)

    assert code == "InvalidParameterValueException"
    assert "provided exceeded the 4KB limit. String measured: {" in message


@fact(SECTION, "A timeout of more than 900 seconds is refused: `ValidationException`.", f"{API}, “CreateFunction”")
def test_a_timeout_over_15_minutes_is_refused(cloud, echo):
    code, message = refused(cloud, "update_function_configuration", echo, Timeout=901)

    assert code == "ValidationException"
    assert message.endswith(
        "at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"
    )


@fact(SECTION, "So is memory of more than 10,240 MB.", f"{API}, “CreateFunction”")
def test_memory_over_10_gb_is_refused(cloud, echo):
    code, _ = refused(cloud, "update_function_configuration", echo, MemorySize=10241)

    assert code == "ValidationException"


@fact(SECTION, "An alias of a version that is not there is 404.", f"{API}, “CreateAlias”")
def test_an_alias_of_no_version_is_refused(cloud, echo):
    code, message = refused(cloud, "create_alias", echo, Name="live", FunctionVersion="99")

    assert (code, message) == ("ResourceNotFoundException", f"Function not found: {cloud.arn(echo)}:99")


@fact(SECTION, "A name of digits only is no alias's, because versions have such names.", f"{API}, “CreateAlias”")
def test_an_alias_that_looks_like_a_version_is_refused(cloud, echo):
    code, _ = refused(cloud, "create_alias", echo, Name="7", FunctionVersion="1")

    assert code == "ValidationException"


@fact(SECTION, "Provisioned concurrency is for published versions and aliases.", SNAPSHOTS)
def test_provisioned_concurrency_of_latest_is_refused(cloud, echo):
    code, message = refused(
        cloud, "put_provisioned_concurrency_config", echo, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1
    )

    assert code == "InvalidParameterValueException"
    assert message == "Provisioned Concurrency Configs cannot be applied to unpublished function versions."


@fact(SECTION, "An asynchronous event is tried again twice at the most.", f"{API}, “PutFunctionEventInvokeConfig”")
def test_a_third_retry_is_refused(cloud, echo):
    code, _ = refused(cloud, "put_function_event_invoke_config", echo, MaximumRetryAttempts=3)

    assert code == "ValidationException"


@fact(SECTION, "A function without a policy answers GetPolicy with 404.", SNAPSHOTS)
def test_no_policy_is_not_found(cloud, echo):
    assert refused(cloud, "get_policy", echo) == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )


@fact(
    "Invoke",
    "A tenant's id is refused by a function without tenants: `InvalidParameterValueException`.",
    "Lambda Developer Guide, “Troubleshooting tenant isolation for Lambda functions”",
)
def test_a_tenant_of_a_function_without_tenants_is_refused(cloud, echo):
    assert refused(cloud, "invoke", echo, TenantId="blue")[0] == "InvalidParameterValueException"


@fact(
    SECTION,
    "A runtime is updated automatically (`Auto`) until PutRuntimeManagementConfig says otherwise.",
    f"{API}, “PutRuntimeManagementConfig”",
)
def test_how_the_runtime_is_updated_is_kept(cloud):
    name, lambda_ = cloud.new_function("echo"), cloud.client("lambda")
    assert lambda_.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "Auto"

    put = lambda_.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")

    assert (put["UpdateRuntimeOn"], put["FunctionArn"]) == ("FunctionUpdate", cloud.arn(name))
    assert lambda_.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "FunctionUpdate"


@fact(
    SECTION,
    "`Manual` needs a runtime version: `InvalidParameterValueException`.",
    f"{API}, “PutRuntimeManagementConfig”",
)
def test_a_manual_runtime_needs_its_version(cloud, echo):
    code, _ = refused(cloud, "put_runtime_management_config", echo, UpdateRuntimeOn="Manual")

    assert code == "InvalidParameterValueException"
