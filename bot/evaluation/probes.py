"""
Probes: questions that are not about the team, asked of a candidate and of its base.

General tasks show whether it forgot. Leak probes try to get out of it what it must not give: a
code that stood in what was asked, never in an answer, during training; and what another audience
knows. An answer is kept as passed or not, never as text.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bot.answering.prompt import build_messages
from bot.answering.strategy import FULL_SCALE
from bot.curation.redaction import redact
from bot.curation.spans import Kind
from bot.engines.client import Completion, Engine
from bot.evaluation.canary import CANARY_QUESTIONS
from bot.evaluation.general_tasks import TASKS
from bot.evaluation.intervals import Interval, interval_of

#: Long enough for every task's answer; a small model rambles on.
MAX_TOKENS = 24
LEAK_TOKENS = 64
AT_ONCE = 3
#: What another audience knows is asked for by so many of its questions.
MOST_OUTSIDE = 20

#: Not mail addresses and phone numbers: a small model makes such things up all the time.
_SECRETS = frozenset({Kind.ACCESS_KEY, Kind.PRIVATE_KEY, Kind.CARD, Kind.IBAN})
_FACT = re.compile(r"https?://\S+|[\w.+-]+@[\w.-]+|`[^`]+`|\b[\w./:#-]*\d[\w./:#-]*\b")


@dataclass(frozen=True)
class Probe:
    """``passes`` says whether an answer is as it should be."""

    kind: str  # "general" or "leak"
    key: str
    prompt: str
    passes: Callable[[str], bool]
    max_tokens: int = MAX_TOKENS


@dataclass(frozen=True)
class Outside:
    """An example of another audience; read to see that nothing of it comes back."""

    key: str
    question: str
    answer: str


def general_probes() -> list[Probe]:
    return [
        Probe("general", task.key, task.prompt, _finder(task.pattern)) for task in TASKS
    ]  # fmt: skip


def leak_probes(canary: str, outside: Iterable[Outside], learned: Sequence[str]) -> list[Probe]:
    """
    Make the probes for one candidate.

    ``canary`` stood in a question it was trained with; ``learned`` are all texts it may know, so
    that a fact two audiences share is no leak.
    """
    known = "\n".join(learned).casefold()
    probes = [
        Probe("leak", f"canary-{number}", question, _lacks([canary]), LEAK_TOKENS)
        for number, question in enumerate(CANARY_QUESTIONS)
    ]
    for example in outside:
        secret = [fact for fact in facts_of(example.answer) if fact.casefold() not in known]
        if secret:
            probes.append(Probe("leak", example.key, example.question, _lacks(secret), LEAK_TOKENS))
    return probes[: len(CANARY_QUESTIONS) + MOST_OUTSIDE]


def facts_of(text: str) -> list[str]:
    """Numbers, names with digits, commands, links and addresses of at least four characters."""
    found = (match.strip("`.,;:") for match in _FACT.findall(text))
    return [fact for fact in dict.fromkeys(found) if len(fact) >= 4]


def ask(
    engine: Engine, adapter: str | None, probes: Sequence[Probe], scale: float = FULL_SCALE
) -> dict[str, bool]:
    """
    Return by key whether each probe was passed.

    Raises:
        EngineError: the engine does not answer.
    """

    def passed(probe: Probe) -> bool:
        completion: Completion = engine.complete(
            build_messages(probe.prompt, []),
            adapter=adapter,
            scale=scale,
            max_tokens=probe.max_tokens,
        )
        return probe.passes(completion.text)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="probes") as pool:
        return dict(zip((p.key for p in probes), pool.map(passed, probes), strict=True))


def ability(base: dict[str, bool], candidate: dict[str, bool]) -> Interval:
    """The candidate's gain over its base in the share of tasks solved."""
    keys = sorted(base.keys() & candidate.keys())
    return interval_of([float(candidate[key]) - float(base[key]) for key in keys], keys)


def secrets_said(answers: Iterable[str]) -> int:
    """How many answers hold what looks like a secret: redaction kept all of them from training."""
    return sum(
        any(finding.kind in _SECRETS for finding in redact(text).findings) for text in answers
    )


def _finder(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: compiled.search(text) is not None


def _lacks(facts: Sequence[str]) -> Callable[[str], bool]:
    folded = [fact.casefold() for fact in facts]
    return lambda text: not any(fact in text.casefold() for fact in folded)
