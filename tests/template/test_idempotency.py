"""The table of idempotency records, made for a service that does something once and for no other."""

from __future__ import annotations

import pytest

from fastlambda_cli.template import render

SHOP = '[project]\nname = "shop"\n[tool.fastlambda]\n'
ROUTER = "from fastlambda import EventRouter, FastLambda\nevents = EventRouter()\n"
HANDLER = "handler = FastLambda(print, events=events)\n"


@pytest.fixture
def rendered(load):
    """The properties of every resource by its logical id, of a service whose handler's module has this code."""

    def rendered(code, lines="", *, stage="dev"):
        resources = render(load(SHOP + lines, code, stage=stage), stage=stage, runtime="python3.13").document[
            "Resources"
        ]
        return {name: found["Properties"] for name, found in resources.items()}

    return rendered


def consuming(argument):
    return f"{ROUTER}@events.sqs('orders'{argument})\ndef take(order): ...\n{HANDLER}"


@pytest.mark.parametrize(
    "code",
    [
        consuming(", idempotent='order_id'"),
        consuming(", idempotent=lambda order: order.id"),
        f"from somewhere import key\n{consuming(', idempotent=key')}",
        "from fastlambda import IdempotentRoute\nrouter = print(route_class=IdempotentRoute)\nhandler = print\n",
        "import fastlambda as lambda_\nclass Mine(lambda_.IdempotentRoute): ...\nhandler = print\n",
        "from fastlambda.idempotency import IdempotentRoute as Once\nclass Mine(Once): ...\nhandler = print\n",
    ],
    ids=["a path", "a lambda", "a function", "a route class", "a derived one", "a renamed one"],
)
def test_whatever_is_idempotent_gets_a_table_and_may_use_its_items(rendered, code):
    made = rendered(code)
    (statement,) = [
        one for one in made["Role"]["Policies"][0]["PolicyDocument"]["Statement"] if one["Sid"] == "Idempotency"
    ]
    assert statement["Resource"] == {"Fn::GetAtt": ["IdempotencyTable", "Arn"]}
    assert {action.removeprefix("dynamodb:") for action in statement["Action"]} == {
        *("GetItem", "PutItem", "UpdateItem", "DeleteItem")
    }
    variables = made["Function"]["Environment"]["Variables"]
    assert variables["FASTLAMBDA_IDEMPOTENCY_TABLE"] == made["IdempotencyTable"]["TableName"] == "shop-dev-idempotency"


@pytest.mark.parametrize(
    "code",
    [
        consuming(""),
        consuming(", idempotent=None"),
        "# IdempotentRoute\nhandler = print\n",
        "from fastlambda import IdempotentRoute\nhandler = print\n",
        "class IdempotentRoute: ...\nroute = IdempotentRoute()\nhandler = print\n",
    ],
    ids=["every delivery", "None", "a comment", "only imported", "another class"],
)
def test_where_nothing_is_idempotent_there_is_no_table_no_permission_and_no_variable(rendered, code):
    made = rendered(code)
    assert "IdempotencyTable" not in made
    assert "dynamodb" not in str(made["Role"])
    assert "IDEMPOTENCY" not in str(made["Function"])


def test_routes_of_a_module_that_nothing_imports_make_no_table(rendered, tmp_path):
    (tmp_path / "left_over.py").write_text(
        "from fastlambda import IdempotentRoute\nclass Mine(IdempotentRoute): ...\n", encoding="utf-8"
    )
    assert "IdempotencyTable" not in rendered("handler = print\n")
    assert "IdempotencyTable" in rendered("import left_over\nhandler = print\n")


def test_a_stage_has_a_table_and_an_expiry_of_its_own(rendered):
    lines = "idempotency.expires = 3600\nstages.prod.idempotency.expires = 604800\n"
    code = consuming(", idempotent='order_id'")
    for stage, expires in (("dev", "3600"), ("prod", "604800")):
        variables = rendered(code, lines, stage=stage)["Function"]["Environment"]["Variables"]
        assert variables["FASTLAMBDA_IDEMPOTENCY_TABLE"] == f"shop-{stage}-idempotency"
        assert variables["FASTLAMBDA_IDEMPOTENCY_EXPIRES"] == expires
