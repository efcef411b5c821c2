"""
Calls of Together's own client: a list of them as a line of JSON in, the answers as one out.

Ends when nothing is asked for a while, and when who asked is gone.

Runs in the environment of requirements-together.txt, by its path, so it imports nothing of the bot.
The key comes on standard input, where no list of processes shows it.
"""

import json
import os
import select
import sys
from pathlib import Path
from typing import Any

#: What may be asked for; everything else of the client stays closed.
ALLOWED = {
    "files.list", "files.upload", "files.retrieve", "files.delete", "fine_tuning.list",
    "fine_tuning.retrieve", "fine_tuning.create", "fine_tuning.cancel", "fine_tuning.delete",
    "fine_tuning.list_events", "fine_tuning.list_metrics", "fine_tuning.model_limits",
    "fine_tuning.estimate_price", "models.delete", "content", "adapter",
}  # fmt: skip
#: Asked once: a repeat after a lost answer could start or store something twice.
CREATES = {"fine_tuning.create", "files.upload"}
#: A job is asked for every 15 seconds, so a child lives as long as one trains.
IDLE_SECONDS = 60.0
ZSTD = b"\x28\xb5\x2f\xfd"
#: No adapter is larger; what says so while it is unpacked is no adapter.
MOST_BYTES = 4 << 30


def main() -> None:
    # The client prints warnings; only answers belong on standard output.
    answers, sys.stdout = sys.stdout, sys.stderr
    while select.select([sys.stdin], [], [], IDLE_SECONDS)[0] and (line := sys.stdin.readline()):
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        import together
    except ImportError:
        return {"problem": {"kind": "missing"}, "failed_at": 0}
    options = {"base_url": asked["base_url"] or None, "timeout": asked["timeout"]}
    client = together.Together(api_key=asked["key"], max_retries=asked["retries"], **options)
    done: list[Any] = []
    try:
        for call in asked["calls"]:
            once = client.with_options(max_retries=0) if call["do"] in CREATES else client
            done.append(_do(once, call["do"], call["with"]))
    except Exception as error:  # noqa: BLE001 - whatever it is, the bot has to hear of it
        return {"problem": _problem(error, together), "failed_at": len(done)}
    finally:
        client.close()
    return {"done": done}


def _problem(error: Exception, together: Any) -> dict[str, Any]:
    if isinstance(error, together.APIStatusError):
        return {
            "kind": "status",
            "status": error.status_code,
            "said": _said(error.body),
            "is_api": isinstance(_parsed(error.body), dict),
            "retry_after": error.response.headers.get("retry-after"),
        }
    if isinstance(error, together.APIResponseValidationError | AttributeError | TypeError):
        # The client hands a web page on as text, and then trips over it.
        return {"kind": "no api"}
    if isinstance(error, json.JSONDecodeError | UnicodeError):
        # These are ValueErrors, with which the client itself refuses what it was asked for.
        return {"kind": "no api"}
    transport = type(error).__module__.partition(".")[0] in ("httpx", "httpcore")
    if transport or isinstance(error, together.TogetherError | OSError):
        return {"kind": "unreachable"}
    if isinstance(error, ValueError):
        return {"kind": "refused", "said": str(error)}
    return {"kind": "no api"}


def _do(client: Any, name: str, arguments: dict[str, Any]) -> Any:
    if name not in ALLOWED:
        raise ValueError(f"{name} is not allowed")
    if name == "content":
        return client.files.content(**arguments).read().decode("utf-8", "replace")
    if name == "adapter":
        return _adapter(client, **arguments)
    resource, _, method = name.partition(".")
    answer = getattr(getattr(client, resource), method)(**arguments)
    return answer.model_dump(mode="json", by_alias=True)


def _adapter(client: Any, ft_id: str, path: str) -> int:
    """Save the adapter's archive, unpacked to a tar where it is packed; return its size."""
    packed = Path(f"{path}.packed")
    try:
        with client.fine_tuning.with_streaming_response.content(
            ft_id=ft_id, checkpoint="adapter"
        ) as answer:
            _write(packed, answer.iter_bytes())
        with packed.open("rb") as file:
            is_zstd = file.read(4) == ZSTD
        if not is_zstd:
            packed.replace(path)
            return os.path.getsize(path)
        import zstandard

        with packed.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            try:
                _write(Path(path), iter(lambda: reader.read(1 << 20), b""))
            except zstandard.ZstdError as error:
                raise ValueError("the archive is damaged") from error
        return os.path.getsize(path)
    finally:
        packed.unlink(missing_ok=True)


def _write(path: Path, pieces: Any) -> None:
    written = 0
    with path.open("wb") as file:
        for piece in pieces:
            written += len(piece)
            if written > MOST_BYTES:
                raise ValueError("the archive is larger than any adapter")
            file.write(piece)


def _parsed(body: Any) -> Any:
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return None


def _said(body: Any) -> str:
    found = _parsed(body)
    inner = found.get("error", found) if isinstance(found, dict) else None
    return str(inner.get("message") or "") if isinstance(inner, dict) else str(inner or "")


if __name__ == "__main__":
    main()
