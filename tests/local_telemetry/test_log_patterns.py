"""Filter patterns choose the lines that CloudWatch Logs would choose."""

from __future__ import annotations

import pytest

from fastlambda_cli.local.telemetry.log_patterns import PatternError, compiled

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
        "[ip, user]",
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused(pattern):
    with pytest.raises(PatternError):
        compiled(pattern)
