"""What a reviewer sees of the queue: its parts, one page of one part, what was just done. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handlers import blocks, capture_blocks
from handlers.blocks import Block
from storage.audience import WORKSPACE
from storage.review import Queue
from storage.tables import Example, NearDuplicate, ReviewAction
from storage.unanswered import OpenQuestion

#: Entries on one page: with four blocks each they fit a message's fifty beside all else.
PAGE = 5
_SHOWN, _SIDE = 400, 700

TITLES = {
    Queue.DISPUTED: "Disputed",
    Queue.HELD: "Held back",
    Queue.CONTRADICTION: "Contradictions",
    Queue.PROPOSED: "Proposed",
    Queue.WIDENING: "To be shared",
    Queue.NEAR_DUPLICATE: "Near-duplicates",
    Queue.STALE: "Stale",
    Queue.UNANSWERED: "Unanswered",
}
_INTROS = {
    Queue.DISPUTED: "Curators disagree about these. Your decision settles it.",
    Queue.HELD: "Many votes by one person in a short time: somebody else has to look first.",
    Queue.CONTRADICTION: "The questions look alike, the answers differ. Which one is right?",
    Queue.PROPOSED: "Colleagues marked these as good. I use them once they are approved.",
    Queue.WIDENING: "A member wants others to hear these. A second member has to agree.",
    Queue.NEAR_DUPLICATE: "Two examples that ask the same. Keeping one keeps both ways to ask.",
    Queue.STALE: "Nobody has looked at these for long, or their message was edited.",
    Queue.UNANSWERED: "What people asked and I could not answer, the most asked first.",
}
EMPTY = "Nothing waits for review. Thank you!"


@dataclass(frozen=True)
class Look:
    """Which part of the queue somebody looks at, and which page of it; None is the first part."""

    queue: Queue | None = None
    page: int = 0

    def dump(self) -> str:
        return f"{self.queue or ''}|{self.page}"

    @classmethod
    def load(cls, text: str) -> "Look":
        queue, _, page = text.partition("|")
        return cls(Queue(queue) if queue else None, int(page or 0))


@dataclass(frozen=True)
class Pair:
    """Two examples side by side."""

    pair: NearDuplicate
    first: Example
    second: Example


@dataclass(frozen=True)
class Asked:
    """A wish to let others hear an example; ``is_own`` if the reader is who asked."""

    action: ReviewAction
    example: Example
    is_own: bool


Entry = Example | Pair | Asked | OpenQuestion


@dataclass(frozen=True)
class Sight:
    """All that one reviewer sees; ``look.queue`` is None only where nothing waits."""

    counts: Mapping[Queue, int]
    look: Look
    entries: Sequence[Entry]


@dataclass(frozen=True)
class Done:
    """What the reviewer just did, or why not; ``action_id`` is what Undo takes back."""

    text: str
    action_id: int | None = None


def queue_blocks(sight: Sight, done: Done | None = None) -> list[Block]:
    """The queue as it stands in App Home and in a message alike."""
    shown = [_done(done, sight.look)] if done else []
    queue = sight.look.queue
    if queue is None:
        return [*shown, blocks.section(EMPTY)]
    shown += [_tabs(sight), blocks.context(_INTROS[queue])]
    for entry in sight.entries:
        shown += _entry(entry, queue, sight.look)
    return [*shown, *_pages(sight)]


def summary(counts: Mapping[Queue, int]) -> str:
    """``3 proposed, 1 disputed``; the notification of the message."""
    parts = [f"{number} {TITLES[queue].lower()}" for queue, number in counts.items()]
    return f"To review: {', '.join(parts)}." if parts else EMPTY


def title_of(text: str, limit: int = 80) -> str:
    """A question as a name in a sentence."""
    return f"“{blocks.escape(blocks.cut(' '.join(text.split()), limit))}”"


def _done(done: Done, look: Look) -> Block:
    if done.action_id is None:
        return blocks.section(done.text)
    value = f"review|{done.action_id}|{look.dump()}"
    return blocks.section(done.text, blocks.button("Undo", "undo", value))


def _tabs(sight: Sight) -> Block:
    return blocks.actions(
        *(
            blocks.button(
                f"{TITLES[queue]} · {number}",
                f"review_show:{queue}",
                Look(queue).dump(),
                style="primary" if queue is sight.look.queue else None,
            )
            for queue, number in sight.counts.items()
        ),
        block_id="review_tabs",
    )


def _pages(sight: Sight) -> list[Block]:
    look = sight.look
    assert look.queue is not None
    total = sight.counts.get(look.queue, 0)
    pages = max(1, -(-total // PAGE))
    if pages == 1:
        return []
    turns = []
    if look.page > 0:
        turns.append(_turn("Previous", "review_page:previous", look, -1))
    if look.page < pages - 1:
        turns.append(_turn("Next", "review_page:next", look, 1))
    where = blocks.context(f"Page {look.page + 1} of {pages}, {total} in all")
    return [where, blocks.actions(*turns, block_id="review_pages")]


def _turn(text: str, action_id: str, look: Look, step: int) -> Block:
    return blocks.button(text, action_id, Look(look.queue, look.page + step).dump())


def _entry(entry: Entry, queue: Queue, look: Look) -> list[Block]:
    if isinstance(entry, Pair):
        return _pair(entry, queue, look)
    if isinstance(entry, OpenQuestion):
        return _open_question(entry, look)
    if isinstance(entry, Asked):
        return _asked(entry, look)
    return _example(entry, queue, look)


def _example(example: Example, queue: Queue, look: Look) -> list[Block]:
    ids = f"{example.id}|{example.revision}|{look.dump()}"
    more = blocks.overflow(
        "review_more",
        [
            blocks.option("Another way to say it", f"wording|{ids}"),
            blocks.option("Change who may hear it", f"audience|{ids}"),
        ],
    )
    return [
        blocks.divider(),
        blocks.section(_both(example, _SHOWN)),
        *_proposal(example),
        blocks.context(_origin(example)),
        blocks.actions(
            *_yes(example, queue, ids),
            blocks.button("Edit", "review_edit", ids),
            blocks.button("Reject", "review_reject", ids, style="danger"),
            more,
        ),
    ]


def _yes(example: Example, queue: Queue, ids: str) -> list[Block]:
    if queue is not Queue.STALE:
        return [blocks.button("Approve", "review_approve", ids, style="primary")]
    still = blocks.button("Still right", "review_confirm", ids, style="primary")
    if not _has_proposal(example):
        return [still]
    return [blocks.button("Take the new words", "review_take_edit", ids, style="primary"), still]


def _proposal(example: Example) -> list[Block]:
    """What the message says since it was edited, below what was kept of it."""
    if not _has_proposal(example):
        return []
    words = example.proposal or {}
    now = "\n".join(f">{line}" for line in _quiet(words["answer"], _SHOWN, lines=True).split("\n"))
    return [blocks.section(f"Its message was edited and says now:\n{now}")]


def _has_proposal(example: Example) -> bool:
    return example.stale_since is not None and "answer" in (example.proposal or {})


def _pair(entry: Pair, queue: Queue, look: Look) -> list[Block]:
    pair = entry.pair
    first, second = (
        f"{pair.id}|{example.id}|{look.dump()}" for example in (entry.first, entry.second)
    )
    apart = f"{pair.id}|0|{look.dump()}"
    if queue is Queue.CONTRADICTION:
        choices = [
            blocks.button("A is right", "review_settle:first", first, style="primary"),
            blocks.button("B is right", "review_settle:second", second, style="primary"),
            blocks.button("Both are right", "review_apart", apart),
        ]
    else:
        choices = [
            blocks.button("Merge, keep A", "review_merge:first", first, style="primary"),
            blocks.button("Merge, keep B", "review_merge:second", second, style="primary"),
            blocks.button("Keep both", "review_apart", apart),
        ]
    return [
        blocks.divider(),
        blocks.fields(f"*A*\n{_both(entry.first, _SIDE)}", f"*B*\n{_both(entry.second, _SIDE)}"),
        blocks.context(f"*A:* {_origin(entry.first)}", f"*B:* {_origin(entry.second)}"),
        blocks.actions(*choices),
    ]


def _open_question(entry: OpenQuestion, look: Look) -> list[Block]:
    question = entry.unanswered
    value = f"{question.id}|0|{look.dump()}"
    people = "1 person" if entry.askers == 1 else f"{entry.askers} people"
    times = "once" if entry.asks == 1 else f"{entry.asks} times"
    return [
        blocks.divider(),
        blocks.section(f"*{_quiet(question.text, _SHOWN)}*"),
        blocks.context(f"asked {times} by {people}{_private(question.audience)}"),
        blocks.actions(
            blocks.button("Answer it now", "review_answer", value, style="primary"),
            blocks.button("Not for me", "review_dismiss", value),
        ),
    ]


def _asked(entry: Asked, look: Look) -> list[Block]:
    action, value = entry.action, f"{entry.action.id}|0|{look.dump()}"
    to = action.before["to"]
    whom = "everybody in the workspace" if to == WORKSPACE else f"<#{to}>"
    sentence = f"<@{action.actor_id}> wants {whom} to hear this."
    if entry.is_own:
        sentence = f"You want {whom} to hear this. Another member has to agree."
        choices = [blocks.button("Withdraw", "undo", f"review|{action.id}|{look.dump()}")]
    else:
        choices = [
            blocks.button("Agree", "review_agree", value, style="primary"),
            blocks.button("Refuse", "review_refuse", value),
        ]
    return [
        blocks.divider(),
        blocks.section(f"{sentence}\n{_both(entry.example, _SHOWN)}"),
        blocks.context(_origin(entry.example)),
        blocks.actions(*choices),
    ]


def _both(example: Example, limit: int) -> str:
    answer = "\n".join(f">{line}" for line in _quiet(example.answer, limit, lines=True).split("\n"))
    return f"*{_quiet(example.question, limit)}*\n{answer}"


def _origin(example: Example) -> str:
    state = f"{capture_blocks.MARKS[example.state]} {example.state.value}"
    who = f" · answered by <@{example.author_id}>" if example.author_id else ""
    age = f" · changed <!date^{int(example.updated_at.timestamp())}^{{date_short}}|"
    age += f"{example.updated_at:%Y-%m-%d}>"
    link = f" · <{example.permalink}|where it comes from>" if example.permalink else ""
    return f"{state}{_private(example.audience)}{who}{age}{link}"


def _private(audience: str) -> str:
    return "" if audience == WORKSPACE else f" · only <#{audience}>"


def _quiet(text: str, limit: int, *, lines: bool = False) -> str:
    """Text that cannot break the markup around it, with its lines kept or joined."""
    text = text if lines else " ".join(text.split()).replace("*", "∗")
    return blocks.escape(blocks.cut(text, limit)).replace("```", "'''")
