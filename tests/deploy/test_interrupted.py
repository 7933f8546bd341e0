"""Deployments that somebody, or something, cuts short: real processes, killed at real points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from access_keys import of_environment
from deployments import target_in

from fastlambda_cli import deploy as engine
from fastlambda_cli.aws.model import StackEvent
from fastlambda_cli.deploy.model import Step

TESTS = Path(__file__).parents[1]
DEPLOYER = Path(__file__).with_name("deployer.py")


def kill_at(word, shop):
    """Deploy in a process that is killed when it tells something with this word in it."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS / "support"), **of_environment(shop.aws.keys)}
    command = [sys.executable, DEPLOYER, shop.folder, shop.aws.endpoint_url, word]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as deployer:
        assert deployer.stdout is not None
        assert deployer.stdout.readline() == "stopped\n"
        deployer.kill()


@pytest.mark.slow
def test_killed_before_the_traffic_moves_the_old_version_goes_on_and_the_next_deployment_finishes(shop):
    shop.deploy()
    shop.answer("two")
    kill_at("Moving the traffic", shop)
    assert (shop.get(), shop.releases()) == ("200 one", [(2, "started"), (1, "live")])
    outcome = shop.deploy()
    assert not outcome.plan.empty
    assert (shop.versions(), shop.get()) == (["1", "2"], "200 two")
    assert shop.releases() == [(3, "live"), (2, "failed"), (1, "earlier")]
    assert any("Release 2 was interrupted: no traffic has moved" in remark for remark in shop.remarks())


@pytest.mark.slow
def test_killed_when_all_was_done_but_the_record_the_release_turns_out_to_be_live(shop):
    shop.deploy()
    shop.answer("two")
    kill_at("Asking http", shop)
    assert shop.deploy().plan.empty
    assert (shop.get(), shop.releases()) == ("200 two", [(2, "live"), (1, "earlier")])
    assert engine.status(shop.aws, shop.stack).live.version == "2"


@pytest.mark.slow
def test_killed_while_the_stack_is_made_the_next_deployment_follows_it_to_its_end(shop):
    kill_at(f"{shop.stack} CREATE_IN_PROGRESS", shop)
    assert shop.deploy().plan.empty
    assert (shop.get(), shop.releases()) == ("200 one", [(1, "live")])


@pytest.mark.slow
def test_killed_before_anything_was_executed_the_release_has_failed(shop):
    shop.deploy()
    shop.answer("two")
    kill_at("Publishing a new version", shop)
    shop.answer("one")
    assert shop.deploy().plan.empty
    assert (shop.get(), shop.releases()) == ("200 one", [(2, "failed"), (1, "live")])


@pytest.mark.slow
def test_other_code_than_the_interrupted_goes_live_on_top_of_it(shop):
    shop.deploy()
    shop.answer("two")
    kill_at("Moving the traffic", shop)
    shop.answer("three")
    shop.deploy()
    assert shop.get() == "200 three"


def test_ctrl_c_while_cloudformation_works_says_who_goes_on_with_it(shop):
    told = []

    def interrupted(happening):
        told.append(happening)
        if isinstance(happening, StackEvent) and happening.logical_id == "Function":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.deploy(target_in(shop.folder), shop.aws, interrupted, confirm=lambda _: True)
    assert "The AWS on this machine goes on while it runs." in told[-1].text
    assert told[-1].warning
    assert shop.deploy().plan.empty
    assert shop.releases() == [(1, "live")]


def test_ctrl_c_at_the_question_leaves_nothing_behind(shop):
    def nobody(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.deploy(confirm=nobody)
    assert (shop.status(), shop.releases()) == (None, [])


@pytest.mark.slow
def test_ctrl_c_while_the_version_is_asked_leaves_the_old_one_live(shop):
    shop.deploy()
    shop.answer("two")

    def interrupted(happening):
        if isinstance(happening, Step) and happening.text.startswith("Asking version"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.deploy(shop.target(), shop.aws, interrupted, confirm=lambda _: True)
    assert (shop.live(), shop.get()) == ("1", "200 one")
    shop.deploy()
    assert shop.get() == "200 two"
