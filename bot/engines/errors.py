"""
What can go wrong while a model answers.

EngineError
├── BaseModelError           the base model cannot be used; says what to set instead
├── AdapterFileError         an adapter file is missing, broken or made for another model
├── EngineStartError         the engine child did not come up
├── EngineUnavailableError   nothing listens, or it does not answer in time
│   └── NotAnEngineError     something answers that is no model's server
├── EngineDiedError          it ended in the middle of an answer
├── EngineRefusedError       the server does not take the request (key, model name)
│   └── ServerRefusedError   one of its own kind; has its words
├── AdapterUnknownError      a model version that is not loaded
└── PromptTooLongError       question and examples exceed the model's context
"""

from bot.errors import EngineError


class BaseModelError(EngineError):
    """Raised when ``BASE_MODEL`` names nothing that can be served and trained."""


class AdapterFileError(EngineError):
    """Raised when llama.cpp cannot load one model version's adapter."""

    def __init__(self, adapter: str) -> None:
        super().__init__(
            f"The adapter file of {adapter} is missing, broken or was trained on another base "
            "model. Train again, or roll back to a version that loads."
        )
        self.adapter = adapter


class EngineStartError(EngineError):
    """Raised when the engine child ends or stays silent before it serves."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The engine did not start: {reason}. `python -m bot doctor` says more.")


class EngineUnavailableError(EngineError):
    """Raised when nothing answers, before a word of the answer was yielded."""

    def __init__(self) -> None:
        super().__init__("The model is not reachable right now. Please ask again in a minute.")


class NotAnEngineError(EngineUnavailableError):
    """Raised when what answers is a web page, or knows no model; it may be a proxy's, and pass."""

    def __init__(self) -> None:
        super().__init__()
        self.args = (
            "The model's server answers, but not as OpenAI's API does: it may be a web page or a "
            "proxy's. Check ENGINE_BASE_URL, or the provider's address; it usually ends in /v1.",
        )


class EngineDiedError(EngineError):
    """Raised when the engine ends after the first words of an answer."""

    def __init__(self) -> None:
        super().__init__("The model stopped in the middle of this answer. Please ask again.")


class EngineRefusedError(EngineError):
    """Raised when the server refuses a request for a reason that asking again does not change."""

    def __init__(self, status: int) -> None:
        super().__init__(
            f"The model's server refused the request (status {status}). "
            "Check ENGINE_BASE_URL, ENGINE_API_KEY and the model's name."
        )
        self.status = status


class ServerRefusedError(EngineRefusedError):
    """Raised when a server refuses a request of its own kind; ``said`` are its words."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(status)
        self.said = said


class AdapterRefusedHereError(AdapterFileError):
    """Raised when a server that runs elsewhere does not load one model version's adapter."""

    def __init__(self, adapter: str, folder: str, said: str) -> None:
        super().__init__(adapter)
        words = " ".join(said.split())[:240] or "it gave no reason"
        self.args = (
            f"The server at ENGINE_BASE_URL does not load {adapter} from {folder}: {words} It must "
            "see that folder under the same path, allow adapters at run time "
            "(VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, --enable-lora), and have a --max-lora-rank "
            "that is large enough.",
        )


class AdapterUnknownError(EngineError):
    """Raised when an answer is asked of a model version the engine does not serve."""

    def __init__(self, adapter: str) -> None:
        super().__init__(f"The model version {adapter} is not loaded.")
        self.adapter = adapter


class PromptTooLongError(EngineError):
    """Raised when a prompt does not fit; ``tokens`` and ``limit`` are 0 where not told."""

    def __init__(self, tokens: int, limit: int) -> None:
        size = f" ({tokens} tokens, {limit} fit)" if tokens and limit else ""
        super().__init__(f"The question is too long for this model{size}. Please shorten it.")
        self.tokens = tokens
        self.limit = limit
