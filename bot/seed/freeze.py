"""
What may not change once the first model was trained, and the hashes that prove it did not.

Frozen are the third wordings, the answers they are judged by and the unanswered questions. Only
compares; ``FROZEN.json`` is written by a person, who has to give a date and a reason.
"""

import hashlib
import json
from collections.abc import Iterable
from importlib.resources import files

from bot.seed.organisation import Fact, SeedDataError, Unanswered

FROZEN_FILE = "FROZEN.json"


def fingerprints(facts: Iterable[Fact], unanswered: Iterable[Unanswered]) -> dict[str, str]:
    """Return one SHA-256 in hex for each frozen part, by its name."""
    facts = tuple(facts)
    return {
        "answers": _sha256((fact.id, fact.answer) for fact in facts),
        "third_wordings": _sha256((fact.id, fact.wordings[2]) for fact in facts),
        "unanswered": _sha256((each.id, each.question) for each in unanswered),
    }


def frozen_fingerprints() -> dict[str, str]:
    """
    Read the hashes that were written down when the data was frozen.

    Raises:
        SeedDataError: the file does not hold them.
    """
    text = files(__package__).joinpath(FROZEN_FILE).read_text(encoding="utf-8")
    try:
        return {str(part): str(digest) for part, digest in json.loads(text)["sha256"].items()}
    except (ValueError, KeyError, AttributeError) as error:
        raise SeedDataError(FROZEN_FILE, "no object named 'sha256' in it") from error


def changed_parts(facts: Iterable[Fact], unanswered: Iterable[Unanswered]) -> list[str]:
    """Return the names of frozen parts that are no longer what was frozen."""
    now, then = fingerprints(facts, unanswered), frozen_fingerprints()
    return sorted(part for part in now.keys() | then.keys() if now.get(part) != then.get(part))


def _sha256(records: Iterable[tuple[str, str]]) -> str:
    # Sorted by id and without spaces: moving or re-indenting records is no change, a comma is.
    canonical = json.dumps(sorted(records), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
