from __future__ import annotations

import io
import json

import pytest
from botocore.awsrequest import AWSResponse

from fastlambda_cli.aws.drift import drifted
from fastlambda_cli.aws.session import connect
from fastlambda_cli.aws.stacks import ChangeRequest, Stacks
from fastlambda_cli.errors import StackError

QUEUE = {"Type": "AWS::SQS::Queue"}
HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
IMPOSSIBLE = {
    "Type": "AWS::CloudFormation::WaitCondition",
    "DependsOn": "Queue",
    "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1", "Count": 0},
}
NEVER_SIGNALLED = {**IMPOSSIBLE, "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "1"}}


@pytest.fixture(scope="module")
def stacks(local_aws):
    return Stacks(local_aws)


@pytest.fixture
def name(stacks, unique):
    """A stack's name; whatever stack is made of it is deleted."""
    name = unique("shop")
    yield name
    if stacks.describe(name):
        stacks.protect(name, enabled=False)
        stacks.delete(name)


def request(name, *, parameters=None, tags=None, **resources):
    template = json.dumps({"Parameters": {key: {"Type": "String"} for key in parameters or {}}, "Resources": resources})
    return ChangeRequest(name, template, parameters=parameters or {}, tags=tags or {})


def deploy(stacks, change):
    """Make a change; return the stack and the events that were told."""
    change_set = stacks.create_change_set(change)
    since = stacks.last_event(change_set.stack_id)
    events = []
    stacks.execute(change_set)
    return stacks.follow(change_set.stack_id, since, events.append), events


def test_a_stack_that_is_not_there_is_none(stacks, name):
    assert stacks.describe(name) is None
    assert stacks.last_event(name) is None


def test_a_stack_is_made_and_its_events_are_told_in_order(stacks, name):
    stack, events = deploy(stacks, request(name, Queue=QUEUE, parameters={"Colour": "red"}, tags={"team": "books"}))
    assert (stack.name, stack.status, stack.succeeded) == (name, "CREATE_COMPLETE", True)
    assert stack.parameters == {"Colour": "red"}
    assert stack.tags == {"team": "books"}
    assert [(event.logical_id, event.status) for event in events] == [
        (name, "CREATE_IN_PROGRESS"),
        ("Queue", "CREATE_IN_PROGRESS"),
        ("Queue", "CREATE_COMPLETE"),
        (name, "CREATE_COMPLETE"),
    ]


def test_events_of_an_earlier_operation_are_not_told_again(stacks, name):
    _, first = deploy(stacks, request(name, Queue=QUEUE))
    _, second = deploy(stacks, request(name, Queue=QUEUE, Other=QUEUE))
    assert second
    assert {event.id for event in first}.isdisjoint(event.id for event in second)


def test_a_change_set_says_what_would_change_and_whether_the_stack_is_made(stacks, name):
    first = stacks.create_change_set(request(name, Queue=QUEUE))
    assert first.creates
    assert [(change["Action"], change["LogicalResourceId"]) for change in first.changes] == [("Add", "Queue")]
    deploy(stacks, request(name, Queue=QUEUE))
    second = stacks.create_change_set(request(name, Other=QUEUE))
    assert not second.creates
    assert {(change["Action"], change["LogicalResourceId"]) for change in second.changes} == {
        ("Add", "Other"),
        ("Remove", "Queue"),
    }


def test_nothing_to_change_is_an_empty_change_set_that_leaves_nothing_behind(stacks, name, local_aws):
    deploy(stacks, request(name, Queue=QUEUE))
    assert stacks.create_change_set(request(name, Queue=QUEUE)).changes == ()
    listed = local_aws.client("cloudformation").list_change_sets(StackName=name)["Summaries"]
    assert [change_set["ExecutionStatus"] for change_set in listed] == ["EXECUTE_COMPLETE"]


def test_a_change_set_that_is_discarded_leaves_no_empty_stack(stacks, name):
    stacks.discard(stacks.create_change_set(request(name, Queue=QUEUE)))
    assert stacks.describe(name) is None


def test_another_persons_plan_of_the_same_new_stack_survives(stacks, name):
    mine, theirs = (stacks.create_change_set(request(name, Queue=QUEUE)) for _ in range(2))
    stacks.discard(mine)
    stacks.execute(theirs)
    assert stacks.follow(theirs.stack_id, None, lambda _: None).succeeded


def test_a_failed_update_is_rolled_back_and_says_why(stacks, name):
    deploy(stacks, request(name, Queue=QUEUE))
    stack, events = deploy(stacks, request(name, Queue=QUEUE, Handle=HANDLE, Bad=IMPOSSIBLE))
    assert (stack.status, stack.succeeded, stack.half_made) == ("UPDATE_ROLLBACK_COMPLETE", False, False)
    assert [event.logical_id for event in events if event.status.endswith("_FAILED") and event.reason] == ["Bad"]


def test_a_failed_creation_is_half_made(stacks, name):
    stack, _ = deploy(stacks, request(name, Queue=QUEUE, Handle=HANDLE, Bad=IMPOSSIBLE))
    assert (stack.status, stack.succeeded, stack.half_made) == ("ROLLBACK_COMPLETE", False, True)


def test_a_plan_that_somebody_else_overtook_cannot_be_executed(stacks, name):
    deploy(stacks, request(name, Queue=QUEUE))
    stale = stacks.create_change_set(request(name, Queue=QUEUE, Mine=QUEUE))
    deploy(stacks, request(name, Queue=QUEUE, Theirs=QUEUE))
    with pytest.raises(StackError) as caught:
        stacks.execute(stale)
    assert "plan again" in caught.value.remedy


def test_what_cloudformation_says_of_a_template_is_told(stacks, name):
    with pytest.raises(StackError, match="Unrecognized resource types"):
        stacks.create_change_set(request(name, Nonsense={"Type": "AWS::Nonsense::Thing"}))
    assert stacks.describe(name) is None


def test_deleting_is_followed_to_the_end_under_the_stacks_arn(stacks, name):
    stack, _ = deploy(stacks, request(name, Queue=QUEUE))
    since = stacks.last_event(stack.id)
    stacks.delete(name)
    events = []
    assert stacks.follow(stack.id, since, events.append).status == "DELETE_COMPLETE"
    assert [event.logical_id for event in events if event.status == "DELETE_COMPLETE"] == ["Queue", name]
    assert stacks.describe(name) is None


def test_a_protected_stack_is_not_deleted(stacks, name):
    deploy(stacks, request(name, Queue=QUEUE))
    stacks.protect(name, enabled=True)
    assert stacks.describe(name).protected
    with pytest.raises(StackError, match="TerminationProtection"):
        stacks.delete(name)


def test_a_stack_tells_its_template_and_its_resources(stacks, name):
    change = request(name, Queue=QUEUE)
    deploy(stacks, change)
    assert json.loads(stacks.template(name)) == json.loads(change.template)
    (queue,) = stacks.resources(name)
    assert (queue.logical_id, queue.kind) == ("Queue", "AWS::SQS::Queue")
    assert name in queue.physical_id


def test_what_other_hands_deleted_has_drifted(stacks, name, local_aws):
    deploy(stacks, request(name, Queue=QUEUE, Other=QUEUE))
    assert drifted(local_aws, name) == ()
    (other,) = (item.physical_id for item in stacks.resources(name) if item.logical_id == "Other")
    local_aws.client("sqs").delete_queue(QueueUrl=other)
    assert drifted(local_aws, name) == ("Other",)


def test_a_template_too_long_for_a_request_needs_a_place_in_s3(stacks, name):
    change = request(name, Queue=QUEUE)
    long = ChangeRequest(name, change.template + " " * 60_000)
    with pytest.raises(StackError, match="too long for a request"):
        stacks.create_change_set(long)


def test_a_settled_stack_needs_no_waiting(stacks, name):
    assert stacks.settle(name, lambda _: None) is None
    made, _ = deploy(stacks, request(name, Queue=QUEUE))
    assert stacks.settle(name, lambda _: None) == made


def test_a_busy_stack_is_waited_for_and_only_its_present_operation_is_told(stacks, name):
    deploy(stacks, request(name, Queue=QUEUE))
    change_set = stacks.create_change_set(request(name, Queue=QUEUE, Handle=HANDLE, Never=NEVER_SIGNALLED))
    stacks.execute(change_set)
    assert stacks.describe(name).busy
    events = []
    assert stacks.settle(name, events.append).status == "UPDATE_ROLLBACK_COMPLETE"
    assert (events[0].logical_id, events[0].status) == (name, "UPDATE_IN_PROGRESS")
    assert len({event.id for event in events}) == len(events)


@pytest.mark.slow
def test_throttling_slows_the_looks_down_and_loses_no_event(local_aws, name):
    with connect(endpoint_url=local_aws.endpoint_url, keys=local_aws.keys) as aws:
        waits = []
        stacks = Stacks(aws, wait=waits.append)
        change_set = stacks.create_change_set(request(name, Queue=QUEUE))
        since = stacks.last_event(change_set.stack_id)
        stacks.execute(change_set)
        refusals = [_throttled() for _ in range(3)]  # as often as one call is tried locally
        events = aws.client("cloudformation").meta.events
        events.register(
            "before-send.cloudformation.DescribeStackEvents", lambda **_: refusals.pop() if refusals else None
        )
        told = []
        assert stacks.follow(change_set.stack_id, since, told.append).status == "CREATE_COMPLETE"
    assert (len(told), waits) == (4, [0.1])


def _throttled():
    raw = io.BytesIO(
        b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
    )
    raw.stream = lambda: iter([raw.getvalue()])
    return AWSResponse("http://127.0.0.1/", 400, {}, raw)


def test_a_rollback_is_gone_on_with_only_where_one_failed(stacks, name):
    deploy(stacks, request(name, Queue=QUEUE))
    with pytest.raises(StackError, match="go on with the rollback"):
        stacks.continue_rollback(name)
