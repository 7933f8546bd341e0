"""The YAML that is written is the document that it is read back as, by a YAML library that is not ours."""

from __future__ import annotations

import random

import pytest
import yaml

from fastlambda_cli.template.notation import to_yaml

WORDS = r"""
y Yes no ON off true False null ~ = << - -- --- ... 1 1.5 1e3 0x1f 0o7 1_000 12:30:45 2010-09-09 .inf .nan
a:b a::b a: :a a# #a a,b [a] {a} *a &a !a |a >a %a @a `a 'a' "a" a'b ?a ${AWS::Region} ^[0-9]*$ \\ ÄÖ 日本 😀
""".split()  # noqa: SIM905 - so much easier to read

SPACES = [" ", "  ", "\n", "\n\n", "\t", ": ", " #", "- ", "\r", "\x00", "\x7f", "\x85", "\u2028"]

TEXTS = {
    "nothing": "",
    "a space": " ",
    "a line": "a\n",
    "lines": "a\nb",
    "lines with an end": "a\nb\n",
    "lines with two ends": "a\nb\n\n",
    "lines that begin with one": "\na\nb",
    "lines that begin with a space": " a\nb",
    "lines with a space at the end of one": "a \nb",
    "an empty line between others": "a\n\nb",
    "indented lines": "a\n  b\n    c",
    "a tab": "a\n\tb",
    "a comment": "a\n# b",
    "a carriage return": "a\r\nb",
    "a byte order mark": "\ufeffa",
    "another alphabet": "größer\n日本",
}


@pytest.mark.parametrize("text", [*WORDS, *TEXTS.values()])
def test_a_text_is_read_back_wherever_it_stands(text):
    for document in ({"a": text}, {text: "a"}, {"a": [text, text]}, {"a": [{"b": text, "c": {"d": text}}]}):
        assert yaml.safe_load(to_yaml(document)) == document


@pytest.mark.parametrize("value", [True, False, 0, -1, 0.7, {}, [], [[]], [{}], [[1, [2]], {"a": [{"b": []}]}]])
def test_whatever_else_a_template_holds_is_read_back(value):
    for document in ({"a": value}, {"a": {"b": value, "c": 1}}, {"a": [value, {"b": value}]}):
        assert yaml.safe_load(to_yaml(document)) == document


def nested(dice, depth):
    kind = dice.randrange(4) if depth else 0
    size = dice.randrange(4)
    if kind == 1:
        return {"".join(dice.choices([*WORDS, *SPACES], k=2)): nested(dice, depth - 1) for _ in range(size)}
    if kind == 2:
        return [nested(dice, depth - 1) for _ in range(size)]
    return "".join(dice.choices([*WORDS, *SPACES], k=dice.randrange(6)))


@pytest.mark.parametrize("seed", range(300))
def test_any_document_is_read_back(seed):
    dice = random.Random(seed)  # noqa: S311 - the same documents each time
    document = {"a": [nested(dice, 4) for _ in range(5)], "b": nested(dice, 5)}
    assert yaml.safe_load(to_yaml(document)) == document


def test_long_texts_stand_as_blocks_and_plain_ones_without_quotes():
    document = {"Type": "AWS::Logs::QueryDefinition", "QueryString": "fields @message\n| limit 100", "Default": ""}
    assert to_yaml(document) == (
        'Type: AWS::Logs::QueryDefinition\nQueryString: |-\n  fields @message\n  | limit 100\nDefault: ""\n'
    )
