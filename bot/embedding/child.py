"""
The sentence model's own process: texts in, vectors out, until its parent goes away.

Run as ``python -m bot.embedding.child FOLDER``. One line of JSON on stdout says that it is ready;
from then on one line in, one line out, each with the number of its request. Nothing listens on
any port, and nothing is kept. The end of stdin ends it.
"""

import base64
import json
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

from bot.embedding.encoder import Encoder

#: Kept below the bot's own priority, as the engine is: acknowledgements come first.
NICENESS = 5


def main() -> None:
    """Serve until stdin ends."""
    # Ctrl-C reaches the whole terminal group; our parent decides when we stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    # Libraries may print: keep the real stdout for our lines.
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    encoder = Encoder(Path(sys.argv[1]))
    _say(report, {"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        vectors = encoder.encode(request["texts"])
        packed = base64.b64encode(vectors.astype("<f4").tobytes()).decode("ascii")
        _say(
            report,
            {"number": request["number"], "width": vectors.shape[1], "vectors": packed},
        )


def _say(report: TextIO, answer: dict[str, object]) -> None:
    report.write(json.dumps(answer) + "\n")
    report.flush()


if __name__ == "__main__":
    main()
