"""What a service consumes is read from its code, which never runs, and from the configuration of its stage."""

from __future__ import annotations

import inspect

import pytest
from declared_services import CONSUMERS, HANDLER

from fastlambda import EventRouter
from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.declarations import KINDS, OF_THE_RUNTIME
from fastlambda_cli.service.events import (
    EventsSpec,
    QueueSource,
    RuleSource,
    ScheduleSource,
    TopicSource,
)
from fastlambda_cli.service.variables import function_variables


def test_a_queue_is_read_with_everything_that_its_decorator_says(events):
    assert events("""
        @events.sqs("imports", batch_size=100, window=5, maximum_concurrency=2, filters=[{"body": {"a": [1]}}])
        async def import_book(book): ...
    """) == (
        QueueSource(
            name="imports",
            consumer="demo.consumers:import_book",
            batch_size=100,
            window=5,
            maximum_concurrency=2,
            filters=({"body": {"a": [1]}},),
        ),
    )


def test_topics_rules_and_schedules_are_read_as_queues_are_and_sorted_by_kind_and_name(events):
    assert events("""
        @events.sns("prices", filter_policy={"currency": ["EUR"]}, filter_scope="MessageBody")
        def price(message): ...

        @events.schedule("rate(1 hour)", timezone="Europe/Berlin")
        def tidy_up(): ...

        @events.eventbridge(source="books", detail_type="BookCreated", bus="company")
        async def book_created(book): ...
    """) == (
        RuleSource(
            name="book_created",
            consumer="demo.consumers:book_created",
            source="books",
            detail_type="BookCreated",
            bus="company",
        ),
        ScheduleSource(
            name="tidy_up",
            consumer="demo.consumers:tidy_up",
            expression="rate(1 hour)",
            timezone="Europe/Berlin",
        ),
        TopicSource(
            name="prices",
            consumer="demo.consumers:price",
            filter_policy={"currency": ["EUR"]},
            filter_scope="MessageBody",
        ),
    )


def test_a_service_without_a_router_consumes_nothing(load):
    assert (
        load({"lambda_handler.py": "handler = print", "demo/other.py": "@events.sqs('x')\ndef f(): ..."}).events == ()
    )


def test_what_exists_is_named_by_its_arn(events):
    (queue,) = events("""
        @events.sqs("arn:aws:sqs:eu-west-1:123456789012:returns")
        def take_back(book): ...
    """)
    assert (queue.name, queue.arn) == ("returns", "arn:aws:sqs:eu-west-1:123456789012:returns")


def test_one_function_may_consume_several_sources(events):
    found = events("""
        @events.sqs("one")
        @events.sqs("other")
        def both(book): ...
    """)
    assert [queue.name for queue in found] == ["one", "other"]


def test_arguments_may_be_constants_of_any_module_of_the_service(load):
    service = load(
        {
            "demo/settings.py": "IMPORTS = 'imports'",
            "demo/consumers.py": CONSUMERS
            + "from demo import settings\nSIZE = 7\n@events.sqs(settings.IMPORTS, batch_size=SIZE)\ndef take(x): ...\n",
        }
    )
    assert [(queue.name, queue.batch_size) for queue in service.events] == [("imports", 7)]


def test_what_only_the_function_reads_may_be_anything(events):
    (queue,) = events("""
        import os

        @events.sqs("imports", concurrency=int(os.environ["SIDE_BY_SIDE"]), unwrap=bool("x"))
        def take(x): ...
    """)
    assert queue.name == "imports"


WAYS = {
    "imported by name": "from demo.consumers import events\n@events.sqs('more')\ndef more(x): ...",
    "imported relatively": "from .consumers import events\n@events.sqs('more')\ndef more(x): ...",
    "imported under another name": "from demo.consumers import events as e\n@e.sqs('more')\ndef more(x): ...",
    "of an imported module": "from demo import consumers\n@consumers.events.sqs('more')\ndef more(x): ...",
    "of a module by its whole name": "import demo.consumers\n@demo.consumers.events.sqs('more')\ndef more(x): ...",
    "imported from where it was imported": "from demo.again import events\n@events.sqs('more')\ndef more(x): ...",
    "a router that is included": (
        "import fastlambda\nfrom demo.consumers import events\nmine = fastlambda.EventRouter()\n"
        "@mine.sqs('more')\ndef more(x): ...\nevents.include(mine)"
    ),
    "with an annotation": (
        "from fastlambda import EventRouter\nfrom demo.consumers import events\nmine: EventRouter = EventRouter()\n"
        "@mine.sqs('more')\ndef more(x): ...\nevents.include(mine)"
    ),
}


@pytest.mark.parametrize("code", WAYS.values(), ids=WAYS)
def test_consumers_may_be_declared_in_other_modules_on_a_router(load, code):
    service = load(
        {
            "lambda_handler.py": HANDLER + "import demo.more\n",
            "demo/consumers.py": CONSUMERS,
            "demo/again.py": "from demo.consumers import events",
            "demo/more.py": code,
        }
    )
    assert [source.name for source in service.events] == ["more"]


HANDLERS = {
    "in one expression": "handler = FastLambda(print, events=events)",
    "wrapped": "handler = print(FastLambda(print, events=events))",
    "called by a function": "fast = FastLambda(print, events=events)\ndef handler(e, c):\n    return fast(e, c)",
}


@pytest.mark.parametrize("code", HANDLERS.values(), ids=HANDLERS)
def test_the_handler_may_get_the_router(load, code):
    imports = "from fastlambda import FastLambda\nfrom demo.consumers import events\n"
    service = load(
        {"lambda_handler.py": imports + code, "demo/consumers.py": CONSUMERS + "@events.sqs('x')\ndef f(x): ..."}
    )
    assert len(service.events) == 1


def test_a_handler_that_is_imported_from_another_module_may_get_the_router_there(load):
    service = load(
        {
            "lambda_handler.py": "from demo.aws import handler",
            "demo/aws.py": HANDLER,
            "demo/consumers.py": CONSUMERS + "@events.sqs('x')\ndef f(x): ...",
        }
    )
    assert len(service.events) == 1


def test_tests_environments_and_hidden_folders_declare_nothing(load, tmp_path):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    declared = CONSUMERS + "@events.sqs('x')\ndef f(x): ..."
    places = ("tests/test_events.py", "env/lib.py", ".cache/x.py", "node_modules/x.py")
    assert load({"lambda_handler.py": "handler = print", **dict.fromkeys(places, declared)}).events == ()


def test_what_is_not_deployed_declares_nothing(load):
    files = {"lambda_handler.py": "handler = print", "scripts/x.py": CONSUMERS + "@events.sqs('x')\ndef f(x): ..."}
    assert load(files, 'package.exclude = ["/scripts/"]').events == ()


def test_a_module_that_is_no_valid_python_is_for_init_to_tell_of(load):
    assert (
        load({"lambda_handler.py": "handler = print", "demo/broken.py": "from fastlambda import EventRouter\n("}).events
        == ()
    )


SAYS = {
    "a worked out argument": (
        "@events.sqs('a' + 'b')\ndef f(x): ...",
        ["demo/consumers.py:5 has 'a' + 'b' in the arguments of @...sqs", "Write the value itself"],
    ),
    "a constant that is assigned twice": (
        "SIZE = 1\nSIZE = 2\n@events.sqs('a', batch_size=SIZE)\ndef f(x): ...",
        ["demo/consumers.py:7 has SIZE in the arguments"],
    ),
    "a variable of the environment": (
        "import os\n@events.sqs(os.environ['QUEUE'])\ndef f(x): ...",
        ["demo/consumers.py:6 has os.environ['QUEUE']"],
    ),
    "arguments of a mapping": (
        "@events.sqs('a', **OPTIONS)\ndef f(x): ...",
        ["consumers.py:5 takes its arguments from a mapping", "Write each one by its name."],
    ),
    "two arguments without names": ("@events.sqs('a', 5)\ndef f(x): ...", [":5 has arguments without names"]),
    "a rule's argument without a name": ("@events.eventbridge('a')\ndef f(x): ...", ["arguments without names"]),
    "no queue": ("@events.sqs(batch_size=5)\ndef f(x): ...", ["@...sqs of f lacks `queue`", "Add it."]),
    "no source": ("@events.eventbridge(bus='a')\ndef f(x): ...", ["@...eventbridge of f lacks `source`"]),
    "an unknown argument": (
        "@events.sqs('a', batchsize=5)\ndef f(x): ...",
        ["consumers.py:5: @...sqs of f has no argument batchsize", "Did you mean batch_size?"],
    ),
    "a field that is no argument": ("@events.sqs('a', enabled=False)\ndef f(x): ...", ["has no argument enabled"]),
    "a consumer under a condition": (
        "if events:\n    @events.sqs('a')\n    def f(x): ...",
        ["consumers.py:6 stands under a condition", "unconditionally"],
    ),
    "a consumer inside a function": (
        "def declare():\n    @events.sqs('a')\n    def f(x): ...",
        ["consumers.py:6 is not the decorator of a function at the top level"],
    ),
    "a decorator that is called": ("events.sqs('a')(print)", ["consumers.py:5 is not the decorator"]),
    "two consumers of one queue": (
        "@events.sqs('a')\ndef f(x): ...\n@events.sqs('a')\ndef g(x): ...",
        ["consumers.py:7 declares a second consumer of sqs:a", "demo.consumers:f at demo/consumers.py:5"],
    ),
    "a batch of nothing": (
        "@events.sqs('a', batch_size=0)\ndef f(x): ...",
        ["consumers.py:5: @...sqs of f has batch_size = 0, and it must be 1 or more"],
    ),
    "a large batch without a window": (
        "@events.sqs('a', batch_size=11)\ndef f(x): ...",
        ["a `batch_size` above 10 takes a `window`", "Add window=1"],
    ),
    "a FIFO queue with a window": ("@events.sqs('a.fifo', window=1)\ndef f(x): ...", ["a FIFO queue has no `window`"]),
    "a large batch of a FIFO queue": (
        "@events.sqs('a.fifo', batch_size=11)\ndef f(x): ...",
        ["`batch_size` is 11, and a FIFO queue has 10 at the most"],
    ),
    "a limit of one": ("@events.sqs('a', maximum_concurrency=1)\ndef f(x): ...", ["must be 2 or more"]),
    "a queue of no name": (
        "@events.sqs('a b')\ndef f(x): ...",
        ["has name = 'a b', and it must be the name of a queue"],
    ),
    "a topic by the ARN of a queue": (
        "@events.sns('arn:aws:sqs:eu-west-1:123456789012:a')\ndef f(x): ...",
        ["has arn = 'arn:aws:sqs:eu-west-1:123456789012:a', and it must be the ARN of an SNS topic"],
    ),
    "redrive of a queue that exists": (
        "@events.sqs('arn:aws:sqs:eu-west-1:123456789012:a', max_receive_count=5)\ndef f(x): ...",
        ["`max_receive_count` is a setting of the queue, and this one exists already"],
    ),
    "a topic of a queue that exists": (
        "@events.sqs('arn:aws:sqs:eu-west-1:123456789012:a', topic='t')\ndef f(x): ...",
        ["`topic` would change the policy of the queue", "subscribe the queue where it is made"],
    ),
    "a FIFO queue of a topic without order": (
        "@events.sqs('a.fifo', topic='t')\ndef f(x): ...",
        ["the topic t keeps no order", "or the queue not"],
    ),
    "a FIFO topic": (
        "@events.sns('t.fifo')\ndef f(x): ...",
        ["SNS hands the messages of a FIFO topic to queues alone", '@events.sqs("...", topic="t.fifo")'],
    ),
    "a queue of no topic's name": (
        "@events.sqs('a', topic='t t')\ndef f(x): ...",
        ["has topic = 't t', and it must be the name of a topic"],
    ),
    "a schedule in words": (
        "@events.schedule('hourly')\ndef f(): ...",
        ["has expression = 'hourly'", '"rate(1 hour)"'],
    ),
    "a rate of nothing": ("@events.schedule('rate(0 hours)')\ndef f(): ...", ["has expression = 'rate(0 hours)'"]),
    "a function in capitals": (
        "@events.sqs('a', function='Worker')\ndef f(x): ...",
        ["has function = 'Worker'", "1 to 30 lower-case letters"],
    ),
}


@pytest.mark.parametrize(("lines", "parts"), SAYS.values(), ids=SAYS)
def test_a_wrong_declaration_is_one_clear_line_with_its_place(refusal, lines, parts):
    text = refusal(lines)
    for part in parts:
        assert part in text


def test_a_consumer_whose_router_the_handler_does_not_get_is_refused(load):
    plain = "from fastlambda import FastLambda\nimport demo.consumers\nhandler = FastLambda(print)"
    with pytest.raises(
        ConfigurationError, match=r"f on the EventRouter demo.consumers.events, which the handler"
    ) as no:
        load({"lambda_handler.py": plain, "demo/consumers.py": CONSUMERS + "@events.sqs('x')\ndef f(x): ..."})
    assert no.value.remedy == "Write handler = FastLambda(app, events=events) in lambda_handler."


def test_a_consumer_in_a_module_that_nothing_imports_is_refused_since_it_would_not_be_there(load):
    more = "from demo.consumers import events\n@events.sqs('more')\ndef more(x): ..."
    with pytest.raises(ConfigurationError, match=r"demo/more.py:2 declares more, and nothing imports demo.more") as no:
        load({"demo/consumers.py": CONSUMERS, "demo/more.py": more})
    assert no.value.remedy == "Add to lambda_handler: import demo.more"


def test_a_module_is_reached_through_others_and_wherever_it_is_imported(load):
    service = load(
        {
            "demo/consumers.py": CONSUMERS + "def late():\n    from . import (\n        between,\n    )\n",
            "demo/between.py": "from demo.more import more",
            "demo/more.py": "from demo.consumers import events\n@events.sqs('more')\ndef more(x): ...",
        }
    )
    assert [source.name for source in service.events] == ["more"]


ONE = "@events.sqs('imports', batch_size=5, max_receive_count=7)\ndef f(x): ..."


def test_a_stage_may_replace_what_the_code_declares(events):
    (queue,) = events(ONE, "stages.prod.events.sqs.imports = { batch_size = 9, enabled = false }", stage="prod")
    assert (queue.batch_size, queue.enabled, queue.max_receive_count) == (9, False, 7)
    (elsewhere,) = events(ONE, "stages.prod.events.sqs.imports.batch_size = 9", stage="dev")
    assert elsewhere.batch_size == 5


def test_a_stage_may_consume_a_queue_that_exists_in_place_of_one_that_is_made(events):
    arn = "arn:aws:sqs:eu-west-1:123456789012:company-imports"
    (queue,) = events(ONE, f'events.sqs.imports.arn = "{arn}"')
    assert (queue.name, queue.arn) == ("imports", arn)


def test_a_schedule_may_run_at_other_times_in_a_stage(events):
    lines = "@events.schedule('rate(1 hour)')\ndef tidy(): ..."
    (schedule,) = events(lines, 'events.schedule.tidy = { expression = "rate(1 day)", timezone = "Asia/Tokyo" }')
    assert (schedule.expression, schedule.timezone) == ("rate(1 day)", "Asia/Tokyo")


OVERRIDES = {
    "of nothing that is declared": (
        "events.sqs.import.batch_size = 9",
        ["tool.fastlambda.events.sqs.import is of nothing that the code declares", "Did you mean imports?"],
    ),
    "of an unknown kind": ("events.kinesis.a = {}", ["[tool.fastlambda.events] has no key kinesis"]),
    "with an unknown key": ("events.sqs.imports.batchsize = 9", ["has no key batchsize", "Did you mean batch_size?"]),
    "with a bad value": ("events.sqs.imports.batch_size = 0", ["events.sqs.imports.batch_size must be 1 or more"]),
    "that contradicts the code": (
        "events.sqs.imports.batch_size = 11",
        ["demo/consumers.py:5", "a `batch_size` above 10 takes a `window`"],
    ),
    "of a queue that exists": (
        'events.sqs.imports = { arn = "arn:aws:sqs:eu-west-1:123456789012:a", max_receive_count = 2 }',
        ["`max_receive_count` is a setting of the queue"],
    ),
}


@pytest.mark.parametrize(("configuration", "parts"), OVERRIDES.values(), ids=OVERRIDES)
def test_a_wrong_override_is_one_clear_line(refusal, configuration, parts):
    text = refusal(ONE, configuration)
    for part in parts:
        assert part in text


def test_the_function_is_told_what_queues_and_topics_are_called_on_aws(load):
    service = load(
        {
            "demo/consumers.py": CONSUMERS
            + "@events.sqs('imports')\ndef f(x): ...\n"
            + "@events.sns('arn:aws:sns:eu-west-1:123456789012:t')\ndef g(x): ...\n"
            + "@events.schedule('rate(1 hour)')\ndef h(): ...\n@events.eventbridge(source='a')\ndef i(x): ..."
        }
    )
    assert function_variables(service, "shop-prod", {})["FASTLAMBDA_EVENT_SOURCES"] == (
        '{"sns:t":"arn:aws:sns:eu-west-1:123456789012:t","sqs:imports":"shop-prod-imports"}'
    )


def test_a_function_that_consumes_nothing_is_told_nothing(load):
    service = load({"lambda_handler.py": "handler = print"})
    assert "FASTLAMBDA_EVENT_SOURCES" not in function_variables(service, "shop-dev", {})


SOURCES = {"sqs": QueueSource, "sns": TopicSource, "eventbridge": RuleSource, "schedule": ScheduleSource}


@pytest.mark.parametrize("kind", KINDS)
def test_every_argument_of_a_decorator_is_known_with_its_default(kind):
    signature = inspect.signature(getattr(EventRouter, kind))
    parameters = {name: parameter for name, parameter in signature.parameters.items() if name != "self"}
    named_by = KINDS[kind] if kind in {"sqs", "sns"} else "name"
    fields = SOURCES[kind].model_fields
    assert parameters.keys() - OF_THE_RUNTIME - {named_by} == fields.keys() - {
        "arn",
        "consumer",
        "enabled",
        "idempotent",
        "name",
        "topic_arn",
    }
    # Whether anything is idempotent is all that a deployment asks, and how is for the function alone.
    for name in parameters.keys() & fields.keys() - {"name", "idempotent"}:
        if parameters[name].default is not inspect.Parameter.empty:
            assert parameters[name].default == fields[name].default


@pytest.mark.parametrize("kind", KINDS)
def test_a_stage_may_replace_nothing_that_is_not_declared(kind):
    override = EventsSpec.model_fields[kind].annotation.__args__[1]
    assert override.model_fields.keys() <= SOURCES[kind].model_fields.keys()


def test_the_runtime_declares_what_the_engine_reads(load):
    code = CONSUMERS + (
        "@events.sqs('imports', batch_size=20, window=3, filters=[{'body': {'a': [1]}}])\nasync def f(x: dict): ...\n"
        "@events.sns('prices', filter_policy={'a': ['b']})\nasync def g(x: dict): ...\n"
        "@events.eventbridge(source='books', detail={'a': [1]})\nasync def h(x: dict): ...\n"
        "@events.schedule('rate(2 days)')\nasync def i(): ...\n"
    )
    read = {f"{source.kind}:{source.name}": source for source in load({"demo/consumers.py": code}).events}
    namespace = {"__name__": "demo.consumers"}
    exec(compile(code, "demo/consumers.py", "exec"), namespace)  # noqa: S102 - the text above, as Python runs it
    declared = {found.key: found.as_json() for found in namespace["events"].declarations()}
    assert read.keys() == declared.keys()
    for key, source in read.items():
        said = source.model_dump(mode="json")
        assert {name: said[name] for name in said.keys() & declared[key].keys()} == {
            name: value for name, value in declared[key].items() if name in said
        }
