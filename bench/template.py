"""How long `fastlambda template` takes, against an interpreter that only imports the libraries it is made of."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from measured import AS_INSTALLED, table

BOOKS = Path(__file__).parents[1] / "examples" / "books"
COMMANDS: dict[str, Sequence[str | Path]] = {
    "libraries": (sys.executable, "-c", "import packaging.requirements, pydantic, typer"),
    "template": (Path(sys.executable).with_name("fastlambda"), "template", BOOKS),
}
ROUNDS = 15


def main() -> None:
    samples: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, env=AS_INSTALLED, check=True)
            samples[name].append((time.perf_counter() - started) * 1000)
    print(table("ms", samples, base="libraries"))


if __name__ == "__main__":
    main()
