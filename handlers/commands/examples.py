"""``/apprentice examples [words]``: what the bot was taught, for the person who asks."""

from slack_sdk import WebClient

from handlers import blocks, capture_blocks
from handlers.deps import Ask, Deps, Reply
from storage import examples
from storage.audience import Viewer
from storage.tables import Example, ExampleState

LISTED = 10
_OUTSIDER = "What I was taught belongs to the members of this workspace, so I can't list it here."
_NOTHING = (
    "I was not taught anything yet that you may see. React with :{good}: to a good answer in a "
    "thread, or type one with `/apprentice add`."
)


def list_examples(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """Only the person who asks sees the list, so it holds what they may see anywhere."""
    viewer = deps.people.personal_viewer(deps.people.person(ask.user_id))
    if not viewer.audiences:
        return Reply(_OUTSIDER)
    found, total, counts = _read(ask, viewer, deps)
    if not counts:
        return Reply(_NOTHING.format(good=deps.good_reaction))
    words = blocks.escape(blocks.cut(ask.words.replace("`", "'"), 60))
    if not found:
        return Reply(f"Nothing I was taught has `{words}` in it. {counted(counts)}")
    title = f"*Examples with* `{words}`" if words else "*The newest examples*"
    shown = [blocks.section(f"{title}\n{counted(counts)}"), *map(capture_blocks.entry, found)]
    if total > len(found):
        shown.append(blocks.context(_more(total - len(found), bool(words))))
    return Reply(f"{len(found)} of {total} examples.", tuple(shown))


def counted(counts: dict[ExampleState, int]) -> str:
    """``3 approved, 1 proposed``."""
    return ", ".join(f"{counts[state]} {state.value}" for state in ExampleState if state in counts)


def _read(
    ask: Ask, viewer: Viewer, deps: Deps
) -> tuple[list[Example], int, dict[ExampleState, int]]:
    with deps.database.read() as session:
        counts = examples.count_by_state(session, ask.team_id, viewer)
        if ask.words:
            found, total = examples.search(session, ask.team_id, viewer, ask.words, limit=LISTED)
        else:
            found = examples.newest(session, ask.team_id, viewer, limit=LISTED)
            total = sum(counts.values())
    return found, total, counts


def _more(number: int, is_search: bool) -> str:
    hint = "Add a word" if is_search else "Say what you look for: `/apprentice examples <words>`"
    return f"and {number} more. {hint}."
