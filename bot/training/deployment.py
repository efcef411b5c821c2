"""What a place promises where a tuned model answers only once it is deployed. Pure."""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

#: What Azure takes: letters, digits, dots, underscores and hyphens, these not at the ends.
LONGEST_NAME = 64
_HASH_CHARACTERS = 12


class DeployedState(StrEnum):
    READY = "ready"
    COMING = "coming"  # not yet; a state nobody knows is this one
    LEAVING = "leaving"
    FAILED = "failed"


@dataclass(frozen=True)
class Deployed:
    """A deployment as its provider shows it; ``model`` empty: it does not say of what."""

    state: DeployedState
    model: str = ""
    said: str = ""


class Deployer(Protocol):
    """
    Looks, makes and removes; waits for nothing. Every method works with the name alone, from any
    process life, and what is asked twice is there once.

    All raise ``TrainerUnavailableError`` where asking again may help, and another
    ``TrainingError`` where an admin has to do something first.
    """

    #: False where only a person can make and remove one.
    is_automatic: bool
    #: US dollars, asked or not.
    hosting_per_hour: float
    #: The sentence that says when the provider removes one by itself.
    lifetime_words: str

    def look(self, name: str) -> Deployed | None:
        """Return what is there under this name; None is nothing."""

    def create(self, name: str, model: str) -> None:
        """
        Ask for a deployment.

        Raises:
            ModelGoneError: there is no such model any more.
        """

    def remove(self, name: str) -> None:
        """Ask for its end; nothing happens where there is none."""

    def stop(self) -> None:
        """Close the connections."""


def deployment_name(model: str) -> str:
    """
    The name under which a model is deployed, made from the model's alone: whoever looks for it,
    in whatever life of the process, finds the same one, and no model has two.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", model)
    trimmed = plain.strip("._-")
    if trimmed == model and 2 <= len(trimmed) <= LONGEST_NAME:
        return trimmed
    # Two models whose names differ in what was replaced or cut must not share a deployment.
    digest = hashlib.sha256(model.encode()).hexdigest()[:_HASH_CHARACTERS]
    room = LONGEST_NAME - _HASH_CHARACTERS - 1
    return f"{trimmed[:room].rstrip('._-') or 'model'}-{digest}"
