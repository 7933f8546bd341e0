"""YAML, read by the parser that is written in C: the templates are long, and read by many tests."""

from __future__ import annotations

from typing import Any

import yaml


def read_yaml(text: str) -> Any:
    """What `yaml.safe_load` reads, ten times as fast."""
    return yaml.load(text, yaml.CSafeLoader)
