"""What a reviewer is told of their own decision, and the contributor of its outcome. Pure."""

from collections.abc import Sequence

from handlers import blocks
from handlers.review_blocks import title_of
from storage.audience import WORKSPACE
from storage.tables import Example, ExampleState, ReviewAction, Verb

_WAITS = {
    Verb.APPROVE: "Noted. Another curator has to approve it too before I use it",
    Verb.MERGE: "Merged. Another curator has to approve what stays before I use it",
    Verb.SETTLE: "Noted. Another curator has to approve it too before I use it",
}
_DONE = {
    Verb.APPROVE: "Approved",
    Verb.REJECT: "Rejected",
    Verb.EDIT: "Changed",
    Verb.MERGE: "Merged. I keep both ways to ask with",
    Verb.KEEP_APART: "Kept both",
    Verb.SETTLE: "Settled. I use this one and not the other",
    Verb.CONFIRM: "Still right",
    Verb.TAKE_EDIT: "Took over the new words of",
    Verb.ADD_WORDING: "Noted as another way to ask",
}
_FATE = {
    ExampleState.APPROVED: "✅ approved, I use it in my answers",
    ExampleState.REJECTED: "❌ rejected, I don't use it",
    ExampleState.WITHDRAWN: "put away",
}
_MERGED = "🔗 merged with another example that says the same"


def done_words(action: ReviewAction, example: Example | None) -> str:
    """One sentence with the name of what was decided about."""
    if action.undone_at is not None:
        return f"Undone{_about(example)}. Everything is as it was."
    if example is None:
        return "Taken off the list."
    if action.verb in (Verb.CHANGE_AUDIENCE, Verb.ASK_AUDIENCE):
        return _moved(action, example)
    waits = action.verb in _WAITS and example.state is ExampleState.PROPOSED
    words = (_WAITS if waits else _DONE)[action.verb]
    return f"{words}: {title_of(example.question)}"


def notice(examples: Sequence[Example]) -> str:
    """What became of the examples somebody brought."""
    lead = "Here is what became of the example you brought:"
    if len(examples) > 1:
        lead = "Here is what became of the examples you brought:"
    return "\n".join([lead, *(f"• {title_of(e.question)} – {_fate(e)}" for e in examples)])


def _fate(example: Example) -> str:
    return _MERGED if example.merged_into else _FATE[example.state]


def _moved(action: ReviewAction, example: Example) -> str:
    to = action.before["to"]
    whom = "everybody in the workspace" if to == WORKSPACE else f"members of <#{to}>"
    if action.verb is Verb.ASK_AUDIENCE:
        return (
            f"Asked. {blocks.cut(title_of(example.question), 90)} goes to {whom} once another "
            f"member of <#{example.audience}> agrees."
        )
    return f"Now {whom} may hear {title_of(example.question)}"


def _about(example: Example | None) -> str:
    return f": {title_of(example.question)}" if example else ""
