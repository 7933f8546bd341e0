"""What the template makes of consumers that are declared with a function of their own."""

from __future__ import annotations

import json

import pytest

from fastlambda_cli.deploy.cost import estimate
from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.template import render

SHOP = '[project]\nname = "shop"\n[tool.fastlambda]\n'
QUEUE = "@events.sqs('imports', function='worker')\ndef take(book): ..."
TOPIC = "@events.sns('prices', function='worker')\ndef price(message): ..."
RULE = "@events.eventbridge(source='books', function='worker')\ndef created(book): ..."
SCHEDULE = "@events.schedule('rate(1 hour)', function='worker')\ndef tidy(): ..."
OWN = "@events.sqs('stock')\ndef count(stock): ..."


@pytest.fixture
def document(load):
    """The template of a service that declares these consumers."""

    def document(*declared, lines="", stage="dev"):
        code = "from fastlambda import EventRouter, FastLambda\nevents = EventRouter()\n"
        code += "\n".join(declared) + "\nhandler = FastLambda(print, events=events)\n"
        return render(load(SHOP + lines, code), stage=stage, runtime="python3.13").document

    return document


@pytest.fixture
def properties(document):
    """The properties of every resource by its logical id."""

    def properties(*declared, lines=""):
        return {name: found["Properties"] for name, found in document(*declared, lines=lines)["Resources"].items()}

    return properties


def statements_of(role):
    (policy,) = role["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def version_id(resources, function):
    (found,) = (name for name, one in resources.items() if one.get("FunctionName") == {"Ref": function} and
                name.startswith(function.removesuffix("Function") + "Version"))  # fmt: skip
    return found


def test_every_source_leads_to_the_alias_of_its_function(properties):
    made = properties(QUEUE, TOPIC, RULE, SCHEDULE, OWN)
    worker, api = {"Ref": "WorkerAlias"}, {"Ref": "Alias"}
    assert made["ImportsQueueMapping"]["FunctionName"] == worker
    assert made["PricesTopicSubscription"]["Endpoint"] == made["PricesTopicPermission"]["FunctionName"] == worker
    assert made["CreatedRule"]["Targets"][0]["Arn"] == made["CreatedRulePermission"]["FunctionName"] == worker
    assert made["TidySchedule"]["Target"]["Arn"] == worker
    assert statements_of(made["ScheduleRole"])["Invoke"]["Resource"] == worker
    assert made["StockQueueMapping"]["FunctionName"] == made["ApiPermission"]["FunctionName"] == api
    assert made["Integration"]["IntegrationUri"] == api


def test_each_role_has_the_queues_of_its_own_function_and_its_own_log(properties):
    made = properties(QUEUE, OWN)
    api, worker = statements_of(made["Role"]), statements_of(made["WorkerRole"])
    assert api["Queues"]["Resource"] == [{"Fn::GetAtt": ["StockQueue", "Arn"]}]
    assert worker["Queues"]["Resource"] == [{"Fn::GetAtt": ["ImportsQueue", "Arn"]}]
    assert api["Logs"]["Resource"] == {"Fn::GetAtt": ["FunctionLogs", "Arn"]}
    assert worker["Logs"]["Resource"] == {"Fn::GetAtt": ["WorkerFunctionLogs", "Arn"]}
    assert made["WorkerFunctionLogs"]["LogGroupName"] == "/aws/lambda/shop-dev-worker"


@pytest.mark.parametrize("declared", [TOPIC, RULE, SCHEDULE])
def test_the_function_that_answers_http_gets_nothing_of_what_another_consumes(properties, declared):
    made = properties(declared)
    assert set(statements_of(made["Role"])) == {"Logs", "Traces"}
    assert set(statements_of(made["WorkerRole"])) == {"Logs", "Traces", "FailedEvents"}
    assert "AsynchronousInvocations" not in made
    assert made["WorkerAsynchronousInvocations"]["FunctionName"] == {"Ref": "WorkerFunction"}


def test_secrets_publishing_and_declared_permissions_are_those_of_every_function(properties):
    lines = "secrets.app.generate = ['key']\n[[tool.fastlambda.permissions]]\nactions = ['dynamodb:GetItem']\n"
    lines += "resources = ['arn:aws:dynamodb:*:*:table/books']\n"
    made = properties(QUEUE, "books = events.queue('imports', dict)", lines=lines)
    api, worker = statements_of(made["Role"]), statements_of(made["WorkerRole"])
    for sid in ("Secrets", "SendsTo", "Declared1"):
        assert api[sid] == worker[sid]


def test_only_who_handles_something_once_may_write_that_down(properties):
    once = QUEUE.replace("function=", "idempotent='isbn', function=")
    made = properties(once, OWN)
    assert "Idempotency" not in statements_of(made["Role"])
    assert "Idempotency" in statements_of(made["WorkerRole"])
    # Both run the same code, which looks for the table when it starts.
    for function in ("Function", "WorkerFunction"):
        assert "FASTLAMBDA_IDEMPOTENCY_TABLE" in made[function]["Environment"]["Variables"]


def test_in_a_vpc_no_functions_code_may_manage_its_interfaces(properties):
    made = properties(QUEUE, lines="vpc = { subnets = ['subnet-12345678'], security_groups = ['sg-12345678'] }")
    denied = statements_of(made["WorkerRole"])["NetworkNotFromCode"]["Condition"]["ArnEquals"]
    assert denied["lambda:SourceFunctionArn"]["Fn::Sub"].endswith(":function:shop-dev-worker")
    assert made["WorkerFunction"]["VpcConfig"] == made["Function"]["VpcConfig"]


def test_both_functions_run_the_same_artifact_by_the_same_handler(properties):
    made = properties(QUEUE)
    for key in ("Code", "Handler", "Runtime", "Architectures"):
        assert made["WorkerFunction"][key] == made["Function"][key]
    assert made["WorkerFunction"]["FunctionName"] == "shop-dev-worker"


def test_queues_wait_as_long_as_their_own_function_may_take(properties):
    made = properties(QUEUE, OWN, lines="timeout = 10\nfunctions.worker.timeout = 200\nalarms.email = 'a@b.example'")
    assert made["ImportsQueue"]["VisibilityTimeout"] == 6 * 200
    assert made["StockQueue"]["VisibilityTimeout"] == 6 * 10
    assert made["ImportsQueueAgeAlarm"]["Threshold"] == 4 * 6 * 200


@pytest.mark.parametrize(
    ("reserved", "others", "limit"),
    [
        (None, "", None),
        (0, "", None),
        (1, "", 2),
        (10, "", 10),
        (10, "@events.sqs('a', function='worker')\ndef a(x): ...", 5),
        (10, "@events.sqs('a', maximum_concurrency=2, function='worker')\ndef a(x): ...", 8),
        (5000, "", 1000),
    ],
)
def test_the_queues_of_a_function_share_what_is_reserved_for_it(properties, reserved, others, limit):
    lines = f"functions.worker.concurrency.reserved = {reserved}" if reserved is not None else ""
    mapping = properties(QUEUE, others, lines=lines)["ImportsQueueMapping"]
    assert mapping.get("ScalingConfig") == ({"MaximumConcurrency": limit} if limit else None)


def test_what_differs_of_one_function_makes_no_version_of_the_other(properties):
    before, after = properties(QUEUE), properties(QUEUE, lines="functions.worker.memory = 4096")
    assert version_id(before, "Function") == version_id(after, "Function")
    assert version_id(before, "WorkerFunction") != version_id(after, "WorkerFunction")
    assert (after["Function"]["MemorySize"], after["WorkerFunction"]["MemorySize"]) == (1024, 4096)


def test_each_alias_is_pinned_by_a_parameter_of_its_own_and_the_worker_follows(document):
    made = document(QUEUE, lines="rollout.type = 'canary'\nconcurrency.provisioned.min = 2")
    alias = made["Resources"]["WorkerAlias"]
    pinned, kept, _ = alias["Properties"]["FunctionVersion"]["Fn::If"]
    assert (pinned, kept) == ("WorkerPinned", {"Ref": "WorkerLiveVersion"})
    assert made["Conditions"]["WorkerPinned"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "WorkerLiveVersion"}, ""]}]}
    assert made["Parameters"]["WorkerLiveVersion"]["Default"] == ""
    assert alias["DependsOn"] == "Alias"  # no event meets a version before a rollout of the API has ended well
    assert {"UpdatePolicy", "ProvisionedConcurrencyConfig"}.isdisjoint({*alias, *alias["Properties"]})


def test_it_has_alarms_charts_and_outputs_of_its_own(document):
    made = document(QUEUE, lines="alarms.email = 'oncall@example.com'")
    resources = made["Resources"]
    for name, metric in (("Errors", "errors"), ("Throttles", "throttles")):
        alarm = resources[f"Worker{name}Alarm"]["Properties"]
        assert alarm["AlarmName"] == f"shop-dev-worker-{metric}"
        assert {"Name": "FunctionName", "Value": {"Ref": "WorkerFunction"}} in alarm["Dimensions"]
    body = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    titles = [widget["properties"]["title"] for widget in body["widgets"]]
    assert "Lambda, worker: invocations, errors, throttles" in titles
    assert "SOURCE '${FunctionLogs}' | SOURCE '${WorkerFunctionLogs}' | " in body["widgets"][-1]["properties"]["query"]
    assert resources["FaultsQuery"]["Properties"]["LogGroupNames"][1] == {"Ref": "WorkerFunctionLogs"}
    assert made["Outputs"]["WorkerFunctionName"]["Value"] == {"Ref": "WorkerFunction"}


def test_a_schedule_of_each_of_two_functions_may_be_run_by_the_one_role(properties):
    made = properties(SCHEDULE, "@events.schedule('rate(1 day)')\ndef sweep(): ...")
    invoked = statements_of(made["ScheduleRole"])["Invoke"]["Resource"]
    assert invoked == [{"Ref": "Alias"}, {"Ref": "WorkerAlias"}]


@pytest.mark.parametrize(
    ("declared", "logical_id"),
    [
        ("@events.schedule('rate(1 day)', function='schedule')\ndef sweep(): ...", "ScheduleRole"),
        (
            "@events.sqs('a', function='a-b')\ndef a(x): ...\n@events.sqs('b', function='a--b')\ndef b(x): ...",
            "ABFunctionLogs",
        ),
    ],
)
def test_a_name_that_makes_the_logical_id_of_something_else_is_refused(document, declared, logical_id):
    with pytest.raises(ConfigurationError, match=f"has the logical id {logical_id}, which something else has"):
        document(declared)


def test_a_name_that_lambda_would_find_too_long_is_refused(document):
    with pytest.raises(ConfigurationError, match="of 65 characters") as refused:
        document(QUEUE.replace("worker", "w" * 30), stage="a-stage-of-20-letter", lines=f"name = '{'s' * 13}'")
    assert "or that of `function`" in refused.value.remedy


def test_each_function_has_its_own_provisioned_concurrency(properties):
    lines = "concurrency.provisioned.min = 5\nfunctions.worker.concurrency.provisioned.min = 2"
    made = properties(QUEUE, OWN, lines=lines)
    waiting = {name: made[name]["ProvisionedConcurrencyConfig"] for name in ("Alias", "WorkerAlias")}
    assert waiting == {
        "Alias": {"ProvisionedConcurrentExecutions": 5},
        "WorkerAlias": {"ProvisionedConcurrentExecutions": 2},
    }
    assert (
        "ProvisionedConcurrencyConfig" not in properties(QUEUE, lines="concurrency.provisioned.min = 5")["WorkerAlias"]
    )


def test_what_waits_for_consumers_has_a_price_by_its_own_memory(document):
    lines = "functions.worker = { memory = 2048, concurrency = { provisioned = { min = 2 } } }"
    found = {line.what: line.quantity for line in estimate(document(QUEUE, lines=lines), 0).lines}
    assert found["Lambda, 2 provisioned for consumers"] == "10,512,000 GB-s"
    assert not [what for what in found if what == "Lambda, 2 provisioned"]
