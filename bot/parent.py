"""
``python -m bot.parent MODULE ARG …``: run a module that ends when whoever started it is gone.

However the parent ends, the pipe on our stdin ends with it; nothing is ever written to that pipe.
"""

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Run the module as ``python -m MODULE ARG …`` would."""
    threading.Thread(target=_watch, name="parent", daemon=True).start()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch() -> None:
    # Not sys.stdin: a thread that waits in its lock would make the interpreter's end fatal.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
