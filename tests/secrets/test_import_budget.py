"""What reading a secret may load, and that Powertools is whole for whoever uses it beside us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import ScriptedSecretsManager


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    return done.stdout


def test_a_secret_is_read_without_the_sdk(
    scripted: ScriptedSecretsManager, function_environment: pytest.MonkeyPatch
) -> None:
    # Without it the X-Ray SDK believes to be outside Lambda, and makes a boto client for its sampling rules.
    function_environment.setenv("LAMBDA_TASK_ROOT", "/var/task")
    scripted.versions["AWSCURRENT"] = json.dumps({"key": "value"})
    loaded = run(
        "import asyncio, sys, pydantic\n"
        "from fastlambda.secrets import Secret\n"
        "class Keys(pydantic.BaseModel):\n    key: pydantic.SecretStr\n"
        "assert asyncio.run(Secret(Keys, env='APP_SECRET_ARN').get()).key.get_secret_value() == 'value'\n"
        "print(*sys.modules)"
    ).split()
    assert not {"boto3", "botocore.auth", "botocore.session", "urllib3", "dateutil"} & set(loaded)


def test_all_of_powertools_parameters_is_there_for_whoever_asks() -> None:
    shown = run(
        "import fastlambda.secrets, fastlambda.powertools_parameters as ours\n"
        "from aws_lambda_powertools.utilities.parameters import BaseProvider, get_secret, SSMProvider\n"
        "from aws_lambda_powertools.utilities import parameters\n"
        "import aws_lambda_powertools.utilities.parameters as again\n"
        "assert again is parameters and parameters.get_secret is get_secret\n"
        "assert issubclass(SSMProvider, BaseProvider) and BaseProvider is ours.BaseProvider\n"
        "print(hasattr(parameters, 'no_such_name'), '__getattr__' in vars(parameters))"
    )
    assert shown.split() == ["False", "False"]


def test_powertools_parameters_is_left_as_it_is_when_it_was_there_first() -> None:
    shown = run(
        "import aws_lambda_powertools.utilities.parameters as parameters\n"
        "import fastlambda.powertools_parameters as ours\n"
        "print(ours.BaseProvider is parameters.BaseProvider, '__getattr__' in vars(parameters))"
    )
    assert shown.split() == ["True", "False"]


@pytest.mark.slow
def test_two_threads_that_ask_first_both_get_what_they_asked_for() -> None:
    shown = run(
        "import fastlambda.secrets, sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "package = sys.modules['aws_lambda_powertools.utilities.parameters']\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    found = list(pool.map(lambda name: getattr(package, name), ['get_secret', 'get_parameter'] * 8))\n"
        "print(len(set(found)))"
    )
    assert shown.strip() == "2"
