"""A run's files at a provider on OpenAI's wire: found by their names, so uploaded once."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import openai

from bot.engines.client import Message
from bot.training.provider import Provider
from bot.training.weighing import weighed
from bot.training.wire_errors import checked, deleted

VALIDATION = "-validation"


class OpenAIFiles:
    """Raises what the SDK raises; ``bot.training.wire_errors.sentences`` is the caller's."""

    def __init__(self, provider: Provider, client: openai.OpenAI, installation: str) -> None:
        self._provider = provider
        self._client = client
        # What creates something is asked once: the SDK would repeat it after a lost answer.
        self._once = client.with_options(max_retries=0)
        self._installation = installation

    def keep(self, name: str, rows: Sequence[Sequence[Message]], kind: str = "") -> str:
        """Upload a run's rows, unless a life before this one did; return the file's id."""
        for file_id in self.ids_of(name, kind):
            return file_id
        lines = [json.dumps({"messages": weighed(row)}, ensure_ascii=False) for row in rows]
        encoding = "utf-8-sig" if self._provider.quirks.byte_order_mark else "utf-8"
        content = "".join(f"{line}\n" for line in lines).encode(encoding)
        file = self._once.files.create(
            file=(self._filename(name, kind), content), purpose="fine-tune"
        )
        return str(checked(self._provider, file).id)

    def ids_of(self, name: str, kind: str = "") -> list[str]:
        listed = self._client.files.list(purpose="fine-tune")
        checked(self._provider, listed)
        filename = self._filename(name, kind)
        return [file.id for file in listed if file.filename == filename]

    def delete_of(self, name: str) -> None:
        """Delete what was uploaded for a run, noted or not."""
        for kind in ("", VALIDATION):
            for file_id in self.ids_of(name, kind):
                self.delete(file_id)

    def delete(self, file_id: str) -> None:
        deleted(self._provider, forgiven(lambda: self._client.files.delete(file_id)))

    def _filename(self, name: str, kind: str) -> str:
        return f"apprentice-{self._installation}-{name}{kind}.jsonl"


def forgiven(call: Callable[[], Any]) -> Any:
    """Do what may be done already."""
    try:
        return call()
    except openai.NotFoundError:
        return None
