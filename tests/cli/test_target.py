"""What commands pass on of the local AWS that they start for themselves."""

from __future__ import annotations

from fastlambda_cli.cli.target import as_remarks
from fastlambda_cli.deploy.model import Remark
from fastlambda_cli.local.model import InitEnded, Notice, Status


def failed(function, message):
    return InitEnded(1, 12.0, Status.ERROR, {"errorType": "StartupError", "errorMessage": message}, function)


def test_why_a_function_does_not_start_is_told_once_however_often_it_is_asked():
    told = []
    sink = as_remarks(told.append)
    for event in (failed("shop", "no table"), failed("shop", "no table"), failed("worker", "no table")):
        sink(event)
    sink(failed("shop", "no column"))

    reason = "does not start: StartupError: no"
    said = [f"shop {reason} table", f"worker {reason} table", f"shop {reason} column"]
    assert [remark.text for remark in told] == said
    assert all(isinstance(remark, Remark) and remark.warning for remark in told)


def test_what_the_local_aws_says_itself_is_passed_on_and_a_start_that_succeeds_is_not():
    told = []
    sink = as_remarks(told.append)
    sink(Notice("the emulator was started again"))
    sink(InitEnded(1, 12.0, Status.SUCCESS, None, "shop"))

    assert [remark.text for remark in told] == ["the emulator was started again"]
