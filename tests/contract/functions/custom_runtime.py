"""A runtime of its own: while INIT imports it, it asks the Runtime API for events, and never comes back.

The event lists the calls to make before the answer; the answer is what the Runtime API said to each, to those of the
event before, and the headers that the event came with. `{id}` in a path is the request's id; a call's `size` is that of
its body.
"""

import http.client
import json
import os

VERSION = "/2018-06-01"
API = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, headers=None):
    API.request(method, VERSION + path, body, headers or {})
    answer = API.getresponse()
    return {"status": answer.status, "headers": dict(answer.getheaders()), "body": answer.read().decode()}


said = []
init = {"response": call("POST", "/runtime/invocation/nobody/response", "{}")}
while True:
    event = call("GET", "/runtime/invocation/next")
    names = {name.lower(): value for name, value in event["headers"].items()}
    request_id = names["lambda-runtime-aws-request-id"]
    asked = json.loads(event["body"])
    before, said = said, []
    for each in asked["calls"]:
        body = "1" * each["size"] if "size" in each else each.get("body")
        said.append(call(each["method"], each["path"].replace("{id}", request_id), body))
    outcome = {"headers": names, "said": said, "before": before, "init": init}
    if asked.get("fail"):
        answer = json.dumps({"errorType": "Books.Broken", "errorMessage": "a runtime's own words"})
        call("POST", f"/runtime/invocation/{request_id}/error", answer)
    else:
        init["accepted"] = call("POST", f"/runtime/invocation/{request_id}/response", json.dumps(outcome))
