"""What a person reads of a deployment."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import deployment_records as records
import pytest
from rich.console import Console

from fastlambda_cli.cli.views.layout import Place
from fastlambda_cli.cli.views.outcome import Typed, outcome_view
from fastlambda_cli.cli.views.plan import plan_view
from fastlambda_cli.cli.views.stack import destruction_view, releases_view, status_view
from fastlambda_cli.deploy.model import Action, ArtifactChange, FileChange, PermissionChange, ResourceChange

PLACE = Place("123456789012", "eu-west-1", local=False)


def lines_of(view, *, width=120):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(view)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def styled(view):
    console = Console(file=io.StringIO(), width=120, highlight=False, force_terminal=True, color_system="standard")
    console.print(view)
    return console.file.getvalue()


def row_with(lines, word):
    return next(line.split() for line in lines if word in line.split())


def test_a_plan_says_what_happens_to_every_resource_and_the_gravest_last():
    lines = lines_of(plan_view(records.plan(), PLACE))
    begin = lines.index("Resources") + 1
    symbols = [line.split()[0] for line in lines[begin : lines.index("Permissions") - 1]]
    assert [symbol for symbol in symbols if len(symbol) == 1] == ["+", "<", "~", "!", "!", "-", "."]
    assert row_with(lines, "Function") == ["~", "change", "Function", "Lambda::Function", "Code,", "MemorySize"]


def test_a_replacement_is_loud_says_why_and_names_what_is_lost():
    replaced = records.plan(
        changes=(ResourceChange(Action.REPLACE, "Api", "AWS::ApiGatewayV2::Api", "a1b2", ("ProtocolType",)),)
    )
    text = "\n".join(lines_of(plan_view(replaced, PLACE)))
    assert "because of ProtocolType" in text
    assert "the one there is now is deleted: a1b2" in text
    assert "! 1 to replace" in text
    bold_red = "\x1b[1;31m"
    assert f"{bold_red}replace" in styled(plan_view(replaced, PLACE))


def test_every_permission_has_a_line_with_its_resource_and_its_condition():
    lines = lines_of(plan_view(records.plan(), PLACE), width=200)
    shown = [line.strip() for line in lines[lines.index("Permissions") + 1 :]]
    assert "+  secretsmanager:GetSecretValue" in shown
    assert f"on  {records.SECRET}" in shown
    assert "-  dynamodb:PutItem" in shown
    assert any(line.startswith('if  {"ArnLike"') for line in shown)


@pytest.mark.parametrize(
    ("resource", "shown"),
    [
        ("${Alias}", "on  the resource Alias"),
        ("${Topic.Arn}", "on  the resource Topic"),
        ("arn:aws:s3:::${Bucket}/*", "on  arn:aws:s3:::${Bucket}/*"),
    ],
)
def test_a_permission_on_what_has_no_name_yet_names_it_as_the_template_does(resource, shown):
    change = PermissionChange(
        granted=True, to="the function", effect="Allow", action="lambda:InvokeFunction", resource=resource
    )
    assert shown in "\n".join(lines_of(plan_view(records.plan(permissions=(change,)), PLACE)))


def test_what_is_made_before_the_stack_is_said():
    lines = lines_of(plan_view(records.plan(), PLACE))
    assert "fastlambda-bootstrap" in " ".join(lines)
    assert row_with(lines, "shop-prod/app")[:2] == ["+", "shop-prod/app"]
    assert "Made first" not in lines_of(plan_view(records.plan(bootstrap=False, new_secrets=()), PLACE))


def test_types_that_are_left_out_on_this_machine_are_named():
    lines = lines_of(plan_view(records.plan(), Place("000000000000", "us-east-1", local=True)))
    assert lines[0] == "Plan for shop-prod on this machine"
    assert row_with(lines, "Deployments") == [".", "Deployments", "CodeDeploy::Application"]


def test_the_cost_says_its_load_its_parts_and_where_its_prices_are_from():
    text = "\n".join(lines_of(plan_view(records.plan(), PLACE)))
    assert "Cost  about $1.98 a month: 1,000,000 requests a month of 50 ms" in text
    assert "$0.87  Lambda    1,000,000 requests, 50,000 GB-s" in text
    assert "List prices of 1 November 2026, eu-west-1" in text


def test_the_artifact_says_its_size_and_what_is_new_different_or_gone():
    lines = lines_of(plan_view(records.plan(), PLACE))
    assert "Artifact  15.2 MB, unpacked 45.9 MB; it was 15.1 MB" in lines
    assert row_with(lines, "shop/orders.py")[0] == "~"
    assert row_with(lines, "shop/returns.py")[0] == "+"
    assert row_with(lines, "shop/legacy.py")[0] == "-"


def test_of_many_changed_files_some_are_shown_and_the_rest_is_counted():
    files = tuple(FileChange(f"shop/{number}.py", 1, 2) for number in range(40))
    artifact = ArtifactChange("zip", 1, 1, changed=True, previous_size=1, files=files)
    text = "\n".join(lines_of(plan_view(records.plan(artifact=artifact), PLACE)))
    assert text.count("~  2 B") == 12
    assert "and 28 more files" in text


def test_a_plan_with_nothing_to_do_says_so_and_no_more():
    assert lines_of(plan_view(records.empty_plan(), PLACE))[2:] == ["Nothing to do: it stands as described."]


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_off_in_a_narrow_terminal(width):
    for view in (
        plan_view(records.plan(), PLACE),
        outcome_view(records.outcome(), Typed()),
        status_view(records.state(), PLACE, records.NOW),
        releases_view(records.releases(), "shop-prod"),
        destruction_view(records.destruction(), PLACE, purge=False),
    ):
        lines = lines_of(view, width=width)
        assert max(map(len, lines)) <= width
        assert "…" not in "".join(lines)


def test_an_outcome_begins_with_the_url_and_ends_with_commands_to_copy():
    typed = Typed(Path("my shop"), stage="prod", region="eu-west-1")
    lines = [line.strip() for line in lines_of(outcome_view(records.outcome(), typed))]
    assert lines[0] == "Deployed: shop-prod in 34 s"
    assert lines[1].split() == ["URL", "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"]
    assert lines[2].split() == ["Release", "7,", "version", "12"]
    assert lines[-1].startswith("fastlambda rollback 'my shop' --stage prod --region eu-west-1 ")


def test_a_command_to_copy_is_whole_in_the_narrowest_terminal():
    typed = Typed(Path("a/long/path/to/a/service/that/has/a/longer/name/than/anybody/would/like/to/type"))
    lines = lines_of(outcome_view(records.outcome(), typed), width=40)
    assert str(typed.service) in "".join(line.strip() for line in lines)


def test_the_first_release_offers_no_rollback():
    first = records.outcome(release=records.release(1))
    assert "rollback" not in "\n".join(lines_of(outcome_view(first, Typed())))


def test_a_rollback_says_which_release_runs_again():
    back = records.outcome(release=records.release(8, of=5))
    assert lines_of(outcome_view(back, Typed()))[0] == "Back at release 5: shop-prod in 34 s"


def test_nothing_to_do_is_a_good_outcome_with_the_url():
    lines = lines_of(outcome_view(records.outcome(release=None), Typed()))
    assert lines[0] == "Nothing to do: shop-prod stands as described."
    assert lines[1].split()[0] == "URL"


def test_a_status_shows_where_the_traffic_goes_and_what_was_changed_by_hand():
    lines = lines_of(status_view(records.state(), PLACE, records.NOW))
    assert lines[0].endswith("UPDATE_COMPLETE")
    assert row_with(lines, "Version") == ["Version", "12", "gets", "90%,", "13", "gets", "10%"]
    assert row_with(lines, "Drift")[:5] == ["Drift", "changed", "by", "hand:", "Function;"]
    assert row_with(lines, "Release") == ["Release", "7,", "by", "deployer/ann@example.com,", "1", "hour", "ago"]


def test_a_stack_that_is_not_there_is_said_in_one_line():
    absent = records.state(status=None)
    assert lines_of(status_view(absent, PLACE, records.NOW)) == [
        "shop-prod is not deployed in account 123456789012, eu-west-1."
    ]


def test_a_failed_stack_says_why():
    failed = records.state(status="UPDATE_ROLLBACK_FAILED", reason="Role cannot be deleted")
    lines = lines_of(status_view(failed, PLACE, records.NOW))
    assert row_with(lines, "Why") == ["Why", "Role", "cannot", "be", "deleted"]


def test_releases_are_rows_with_why_one_failed_and_where_one_returned_to():
    lines = lines_of(releases_view(records.releases(), "shop-prod"))
    rows = [line.split() for line in lines[1 : lines.index("")]]
    assert [row[1] for row in rows] == ["started", "failed", "live", "earlier"]
    assert "The role defined for the function cannot be assumed" in "\n".join(lines)
    assert "back at release 5" in "\n".join(lines)


def test_a_release_of_dev_says_that_there_is_nothing_to_return_to():
    (release, *_) = records.releases()
    lines = lines_of(releases_view([replace(release, of=None, stands_in=True)], "shop-prod"))
    assert "from its folder, by dev" in lines[-1]


def test_why_a_release_failed_has_the_whole_width_below_the_table():
    lines = lines_of(releases_view(records.releases(), "shop-prod"), width=80)
    assert "      8  The role defined for the function cannot be assumed" in lines


def test_a_stack_without_releases_says_so():
    assert lines_of(releases_view((), "shop-prod")) == ["shop-prod has no releases yet."]


def test_a_destruction_lists_what_goes_and_how_to_delete_what_stays():
    lines = lines_of(destruction_view(records.destruction(), PLACE, purge=False))
    assert "Goes: 2 resources" in lines
    assert row_with(lines, "Api") == ["-", "Api", "ApiGatewayV2::Api", "a1b2c3d4e5"]
    assert "    aws secretsmanager delete-secret --secret-id shop-prod/app" in lines


def test_on_this_machine_no_command_is_shown_that_would_go_to_an_account():
    here = Place("000000000000", "us-east-1", local=True)
    lines = lines_of(destruction_view(records.destruction(), here, purge=False))
    assert "Stays, unless --purge is given" in lines
    assert "  shop-prod/app" in lines
    assert not [line for line in lines if "aws " in line]


def test_with_purge_what_would_stay_goes_too():
    lines = lines_of(destruction_view(records.destruction(), PLACE, purge=True))
    assert "Goes as well, because of --purge" in lines
    assert row_with(lines, "shop-prod/app") == ["-", "shop-prod/app"]


def test_commands_that_the_engine_names_get_what_was_typed():
    typed = Typed(Path("my shop"), stage="prod", local=True)
    assert typed.completed("See `fastlambda status --drift`, then `fastlambda deploy`.") == (
        "See `fastlambda status 'my shop' --stage prod --local --drift`, then "
        "`fastlambda deploy 'my shop' --stage prod --local`."
    )
    untouched = "Those of `fastlambda deploy --local` have it, as `fastlambda dev` and `aws lambda get-alias` have."
    assert typed.completed(untouched) == untouched
    assert Typed().completed("`fastlambda releases` lists them.") == "`fastlambda releases` lists them."


def test_what_was_typed_comes_back_in_the_next_command_and_defaults_do_not():
    assert Typed().again("deploy") == "fastlambda deploy"
    assert Typed(Path("shop"), local=True).again("rollback", "--to", "3") == "fastlambda rollback shop --local --to 3"
