"""What only AWS itself does with a change set: a small HTTP server says what CloudFormation says."""

from __future__ import annotations

import contextlib
import http.server
import threading
from urllib.parse import parse_qs

import pytest
from access_keys import NOBODYS

from fastlambda_cli.aws.session import connect
from fastlambda_cli.aws.stacks import ChangeRequest, Stacks
from fastlambda_cli.errors import AccessDeniedError, StackError

CHANGE_SET = "arn:aws:cloudformation:us-east-1:123456789012:changeSet/fastlambda-1/1"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop-prod/1"
MADE = f"<Id>{CHANGE_SET}</Id><StackId>{STACK}</StackId>"
MEMBER = f"""
<member><StackId>{STACK}</StackId><StackName>shop-prod</StackName>
<CreationTime>2026-11-23T12:00:00Z</CreationTime><StackStatus>REVIEW_IN_PROGRESS</StackStatus></member>"""
PLANNED = f"<Stacks>{MEMBER}</Stacks>"
REFUSED = """
<Status>FAILED</Status><StatusReason>The following hook(s)/validation failed:
[AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot Early Validation errors, use the DescribeEvents API for
detailed failure information.</StatusReason>"""
EXISTS = "Resource of type 'AWS::Lambda::Function' with identifier 'shop-prod' already exists."
EVENTS = f"""
<OperationEvents>
<member><EventType>VALIDATION_ERROR</EventType><LogicalResourceId>Function</LogicalResourceId>
<ValidationFailureMode>FAIL</ValidationFailureMode><ValidationStatusReason>{EXISTS}</ValidationStatusReason></member>
<member><EventType>VALIDATION_ERROR</EventType><LogicalResourceId>Api</LogicalResourceId>
<ValidationFailureMode>WARN</ValidationFailureMode><ValidationStatusReason>Unusual.</ValidationStatusReason></member>
</OperationEvents>"""
STILL_LISTED = f"<Summaries><member><ChangeSetId>{CHANGE_SET}</ChangeSetId></member></Summaries>"
DENIED = (
    "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User is not authorized to perform: "
    "cloudformation:DescribeEvents</Message></Error></ErrorResponse>"
)


class CloudFormation(http.server.ThreadingHTTPServer):
    """Gives every action the answer told, and keeps what it was asked."""

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.asked = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: CloudFormation

    def do_POST(self):
        fields = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self.server.asked.append(fields)
        action = fields["Action"][0]
        result = self.server.answers.get(action, "")
        failed = result.startswith("<ErrorResponse>")
        whole = f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
        content = (result if failed else whole).encode()
        self.send_response(403 if failed else 200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def cloudformation(**answers):
    """CloudFormation as it refuses a change set for what it found before anything was made."""
    usual = {"DescribeStacks": PLANNED, "CreateChangeSet": MADE, "DescribeChangeSet": REFUSED, "DescribeEvents": EVENTS}
    with CloudFormation({**usual, **answers}) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def propose(server):
    with connect(endpoint_url=f"http://127.0.0.1:{server.server_port}", keys=NOBODYS) as aws:
        Stacks(aws).create_change_set(ChangeRequest("shop-prod", "{}"))


def asked(server, action):
    return [fields for fields in server.asked if fields["Action"] == [action]]


def test_what_is_found_wrong_before_anything_is_made_is_told_resource_by_resource():
    with cloudformation() as server, pytest.raises(StackError) as failure:
        propose(server)
    assert failure.value.why == f"Function: {EXISTS}".rstrip(".")
    assert asked(server, "DescribeEvents")[0]["ChangeSetName"] == [CHANGE_SET]


def test_who_may_not_read_what_is_wrong_is_told_which_permission_that_takes():
    with cloudformation(DescribeEvents=DENIED) as server, pytest.raises(AccessDeniedError) as failure:
        propose(server)
    assert failure.value.what == "Could not read why CloudFormation does not accept the change set"
    assert "cloudformation:DescribeEvents" in failure.value.remedy


def test_a_stack_that_was_only_planned_is_deleted_though_its_deleted_change_set_is_still_listed():
    with cloudformation(ListChangeSets=STILL_LISTED) as server, pytest.raises(StackError):
        propose(server)
    assert asked(server, "DeleteChangeSet")
    assert asked(server, "DeleteStack")


def test_a_proposal_can_be_repeated_by_the_sdk_and_leaves_the_stacks_tags_alone():
    with cloudformation() as server, pytest.raises(StackError):
        propose(server)
    (fields,) = asked(server, "CreateChangeSet")
    assert fields["ClientToken"]
    assert not [name for name in fields if name.startswith("Tags")]
