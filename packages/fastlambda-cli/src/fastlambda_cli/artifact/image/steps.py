"""What each of an image's layers was made by, for people who read what a new image changes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from fastlambda_cli.artifact.image.model import Image, Layer

_OURS = "fastlambda: "
_NOISE = (
    re.compile(r"#\(nop\) +"),  # of older builders, before what runs no command
    re.compile(r" *# buildkit$"),
    re.compile(r"\|\d+ .*?(?=/bin/sh -c )"),  # the values of build arguments, which may be secret
    re.compile(r"^(?:RUN )?/bin/sh -c "),
    re.compile(r"\b(?:file|dir|multi):[0-9a-f]{64} in "),  # the digest of what is copied: else it is another step
)
_LONGEST = 72


def named_layers(image: Image) -> Iterator[tuple[str, Layer]]:
    """Name an image's own layers by the steps that made them, as its history tells them; each name once.

    Args:
        image: Any.

    """
    told: Any = json.loads(image.config).get("history") or ()
    steps = [str(step.get("created_by") or "") for step in told if not step.get("empty_layer")]
    own = steps[len(steps) - len(image.layers) :] if len(steps) == len(image.descriptors) else []
    seen: Counter[str] = Counter()
    for number, layer in enumerate(image.layers):
        name = (_in_words(own[number]) if own else "") or "a layer"
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})", layer


def _in_words(step: str) -> str:
    for noise in _NOISE:
        step = noise.sub("", step)
    step = " ".join(step.removeprefix(_OURS).split())
    return step if len(step) <= _LONGEST else f"{step[:_LONGEST]}..."
