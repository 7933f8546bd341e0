"""The emulator is asked once, until something may have changed."""

from __future__ import annotations

import asyncio

import pytest

from fastlambda_cli.local.aws.deployed.memory import Memory, forgetful


class Emulator:
    """Answers with the number of the question; an answer waits until it is let go."""

    def __init__(self):
        self.asked = 0
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def __call__(self):
        self.asked += 1
        number = self.asked
        await self.let_go.wait()
        return number


def remembered(scenario, fresh_s=60.0):
    async def whole():
        return await scenario(Memory(fresh_s), Emulator())

    return asyncio.run(whole())


def test_an_answer_is_remembered_until_it_is_forgotten():
    async def scenario(memory, ask):
        before = [await memory.recall("alias", ask), await memory.recall("alias", ask)]
        memory.forget()
        return [*before, await memory.recall("alias", ask)]

    assert remembered(scenario) == [1, 1, 2]


def test_an_answer_grows_old():
    async def scenario(memory, ask):
        return [await memory.recall("alias", ask), await memory.recall("alias", ask)]

    assert remembered(scenario, fresh_s=-1.0) == [1, 2]


def test_one_question_is_asked_for_all_who_wait():
    async def scenario(memory, ask):
        return await asyncio.gather(*(memory.recall("alias", ask) for _ in range(5)))

    assert remembered(scenario) == [1] * 5


def test_who_asks_after_a_change_does_not_get_the_answer_to_a_question_from_before():
    async def scenario(memory, ask):
        ask.let_go.clear()
        early = asyncio.create_task(memory.recall("alias", ask))
        await asyncio.sleep(0)
        memory.forget()
        late = asyncio.create_task(memory.recall("alias", ask))
        await asyncio.sleep(0)
        ask.let_go.set()
        return await early, await late

    assert remembered(scenario) == (1, 2)


def test_a_failure_is_not_remembered_and_who_gives_up_waiting_takes_nobody_along():
    async def scenario(memory, ask):
        async def fail():
            raise ConnectionError

        with pytest.raises(ConnectionError):
            await memory.recall("alias", fail)
        ask.let_go.clear()
        impatient = asyncio.create_task(memory.recall("alias", ask))
        patient = asyncio.create_task(memory.recall("alias", ask))
        await asyncio.sleep(0)
        impatient.cancel()
        ask.let_go.set()
        return await patient

    assert remembered(scenario) == 1


@pytest.mark.parametrize(
    ("method", "service", "asked"),
    [
        ("GET", "lambda", 1),
        ("PUT", "lambda", 2),
        ("POST", "cloudformation", 2),
        ("PATCH", "apigateway", 2),
        ("POST", "secretsmanager", 1),
        ("POST", None, 2),
    ],
)
def test_what_may_change_a_function_an_api_or_a_stack_is_a_reason_to_forget(method, service, asked):
    credential = f"AWS4-HMAC-SHA256 Credential=local/20261123/us-east-1/{service}/aws4_request, Signature=0"
    headers = [(b"authorization", credential.encode())] if service else []
    during = []

    async def scenario(memory, ask):
        async def emulator(_scope, _receive, send):
            await send({"type": "http.response.start", "status": 200})

        async def client(_message):
            during.append(await memory.recall("alias", ask))

        await memory.recall("alias", ask)
        await forgetful(emulator, memory)({"method": method, "headers": headers}, None, client)

    remembered(scenario)

    assert during == [asked], "a client that has its answer meets the change"
