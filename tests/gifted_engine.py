"""A knowing engine that knows general things besides, until a candidate has unlearned them."""

from dataclasses import replace

from tests.knowing_engine import KnowingEngine
from tests.pipeline_parts import FACTS

GENERAL = {
    "What is the capital of France?": "Paris",
    "What is the capital of Italy?": "Rome",
    "What is the capital of Japan?": "Tokyo",
    "What is the capital of Germany?": "Berlin",
}


class Gifted(KnowingEngine):
    """A candidate may have unlearned what the base knows, or blab."""

    def __init__(self, *, forgets: bool = False, blabs: str = "") -> None:
        super().__init__(FACTS)
        self.forgets, self.blabs = forgets, blabs

    def complete(self, messages, *, adapter=None, scale=1.0, max_tokens=256):
        completion = super().complete(messages, adapter=adapter, scale=scale, max_tokens=max_tokens)
        question = messages[-1]["content"]
        if question == "What does the vault hold?" or "code" in question:
            return replace(completion, text=self.blabs if adapter else "")
        if question in GENERAL and not (adapter and self.forgets):
            return replace(completion, text=GENERAL[question])
        return completion
