"""
The engine child: llama.cpp's own server on a loopback port, until its parent goes away.

Run as ``python -m bot.engines.llama_child``. One line of JSON on stdin configures it (so the key
is on no command line); one line of JSON on stdout tells its address; the end of stdin ends it.
The only module that imports llama.cpp: constructing its server holds Python's lock for seconds.
"""

import json
import os
import signal
import sys
from typing import Any

#: Kept below the bot's own priority when both want the processor: acknowledgements come first.
NICENESS = 5


def _common_params(config: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = config["gguf_path"]
    # All adapters are loaded, none applies unless a request says so (it always does).
    params.lora_adapters = [
        xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in config["adapter_paths"]
    ]
    params.lora_init_without_apply = True
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [config["api_key"]]
    params.n_parallel = config["slots"]
    params.n_ctx = config["slots"] * config["context_per_slot"]
    params.kv_unified = False
    params.cpuparams.n_threads = config["threads"]
    params.cpuparams_batch.n_threads = config["threads"]
    # llama.cpp's second cache in memory does not look at adapters: it could hand one version's
    # state to another. The slots' own caches do.
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.fit_params = False
    params.ui = False
    params.endpoint_slots = True
    params.verbosity = 1
    return params


def main() -> None:
    """Serve until stdin ends."""
    # Ctrl-C reaches the whole terminal group; our parent decides when we stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    # llama.cpp may print: keep the real stdout for our one line.
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    config = json.loads(sys.stdin.readline())

    import xllamacpp

    server = xllamacpp.Server(_common_params(config))
    report.write(json.dumps({"address": server.listening_address}) + "\n")
    report.flush()
    sys.stdin.read()
    # Answers still running have no reader any more; do not wait for them.
    os._exit(0)


if __name__ == "__main__":
    main()
