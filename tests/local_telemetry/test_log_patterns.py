"""Filter patterns choose the lines that CloudWatch Logs would choose."""

from __future__ import annotations

import pytest

from fastlambda_cli.local.telemetry.log_patterns import compiled
from fastlambda_cli.local.telemetry.pattern_words import PatternError

LINES = {
    "bad": "[ERROR 400] BAD REQUEST",
    "gone": "[ERROR 404] NOT FOUND",
    "slow": "[WARN] slow answer",
    "json": '{"level": "ERROR", "status": 500, "book": {"id": 7, "tags": ["old", "rare"]}, "user": null, "cold": true}',
    "info": '{"level": "INFO", "status": 200, "latency": 1.5e-1, "cold": false}',
}


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("", "bad gone slow json info"),
        ("ERROR", "bad gone json"),
        ("error", ""),
        ("ERROR REQUEST", "bad"),
        ("?REQUEST ?slow", "bad slow"),
        ("ERROR -404 -level", "bad"),
        ('"BAD REQUEST"', "bad"),
        ("ERROR ?slow", "bad gone json"),
        (r"%40\d%", "bad gone"),
        ('{ $.level = "ERROR" }', "json"),
        ("{ $.level = ERR* }", "json"),
        ('{ $.level != "ERROR" }', "info"),
        ("{ $.status >= 400 && $.status < 600 }", "json"),
        ("{ $.status = 200 || ($.level = ERROR && $.book.id = 7) }", "json info"),
        ('{ $.book.tags[1] = "rare" }', "json"),
        ("{ $.latency <= 0.15 }", "info"),
        ("{ $.user IS NULL }", "json"),
        ("{ $.cold IS TRUE }", "json"),
        ("{ $.latency NOT EXISTS }", "json"),
        ("{ $.level = %^IN% }", "info"),
        ('{ $.["level"] = "INFO" }', "info"),
    ],
)
def test_a_pattern_chooses_lines(pattern, wanted):
    matches = compiled(pattern)

    assert " ".join(name for name, line in LINES.items() if matches(line)) == wanted


def test_a_line_that_is_too_deep_to_be_read_matches_no_pattern_for_json():
    deep = '{"level":' * 30_000 + "1" + "}" * 30_000

    assert not compiled("{ $.level = 1 }")(deep)


ACCESSES = {
    "page": '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534',
    "gone": '127.0.0.2 Prod anna [10/Oct/2000:13:25:16 -0700] "GET /old.html HTTP/1.0" 410 90',
    "post": '127.0.0.1 Prod anna [10/Oct/2000:13:25:17 -0700] "POST /books HTTP/1.0" 201 12',
    "error": "ERROR 09/25/2014 12:00:02 Failed to process request",
    "info": "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200",
    "short": "ERROR",
}
SEVEN = "ip, user, username, timestamp"


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (f"[{SEVEN}, request, status, size]", "page gone post error"),
        ("[ip=%127\\.0\\.0\\.[1-9]%, user, username, timestamp, request =*.html*, status = 4*, size]", "page gone"),
        ("[..., request =*.html*, status = 4*, size]", "page gone"),
        (f"[{SEVEN}, request, status = 404 || status = 410, size]", "page gone"),
        (f"[{SEVEN}, request, status >= 200 && status < 300, size]", "post"),
        ("[..., size > 1000]", "page info"),
        ('[ip, user, username = "anna", ..., size]', "gone post"),
        ('[..., timestamp = "10/Oct/2000:13:25:17 -0700", request, status, size]', "post"),
        ("[w1=ERROR, w2]", "error"),
        ("[w1=ERROR || w1=INFO, w2]", "error info"),
        ("[w1!=ERROR && w1!=INFO, w2]", "page gone post"),
        ("[w1=ERROR]", "short"),
        ("[w1=ERROR, ...]", "error short"),
        ("[level, date, time, method, url=%/service/resource/[0-9]+$%, ms]", "info"),
        ("[..., status != 404, size]", "gone post error info"),
        ("[]", "page gone post error info short"),
    ],
)
def test_a_pattern_in_brackets_chooses_by_fields(pattern, wanted):
    matches = compiled(pattern)

    assert " ".join(name for name, line in ACCESSES.items() if matches(line)) == wanted


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.level }",
        "{ $.level = }",
        "{ level = 1 }",
        "{ $.a = 1",
        "{ $.a < b }",
        "{ $.a = 1 } x",
        '"open',
        "%[%",
        "[ip, user",
        "[ip, user] more",
        "[..., status, ..., size]",
        "[status = 404 || ]",
        "[status = 404 || size = 3]",
        "[status = 404 && status]",
        "[status > four]",
        "[status = %[%]",
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused(pattern):
    with pytest.raises(PatternError):
        compiled(pattern)
