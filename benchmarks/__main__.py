"""
``python -m benchmarks [NAME …] [--rows N …]``: run the named benchmarks, or all, in turn.

Prints a line per figure while it goes and one JSON object last.
"""

import importlib
import json
import sys
from typing import Any

from benchmarks.machine import describe

#: In the order that makes each the quieter: the load last.
ALL = ("redaction", "gate", "retrieval", "paraphrases", "abstention", "decoding", "training",
       "evaluation", "scale", "capture", "loop", "sabotage", "crowd")  # fmt: skip
#: Only by name: what these need, `make bench` does not install.
BY_NAME = ("autotrain", "preferences")


def main(names: list[str]) -> int:
    names = names[: names.index("--rows")] if "--rows" in names else names
    unknown = [name for name in names if name not in ALL + BY_NAME]
    if unknown:
        print(
            f"There is no benchmark {unknown[0]}; there are: {', '.join(ALL + BY_NAME)}",
            file=sys.stderr,
        )
        return 2
    figures: dict[str, Any] = {"machine": describe()}
    for name in names or ALL:
        print(f"— {name}", flush=True)
        figures[name] = importlib.import_module(f"benchmarks.{name}").measure()
        for figure, value in figures[name].items():
            print(f"  {figure}: {value}", flush=True)
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
