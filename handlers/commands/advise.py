"""``/apprentice advise``: "should we tune?", answered in one page for the person who asks."""

from slack_sdk import WebClient

from handlers import blocks
from handlers.deps import Ask, Deps, Reply
from storage.audience import WORKSPACE

_OUTSIDER = "Whether tuning pays here is for the members of this workspace."


def advise(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    """For the audience of the channel it is asked in: only that person sees it."""
    viewer = deps.people.personal_viewer(deps.people.person(ask.user_id))
    if not viewer.audiences:
        return Reply(_OUTSIDER)
    audience = deps.people.place(ask.channel_id).audience
    if audience not in viewer.audiences:
        audience = WORKSPACE
    page = deps.advise(ask.team_id, audience, viewer)
    shown = []
    for number, (title, lines) in enumerate(page):
        if number == 0:
            shown += [blocks.header(title), blocks.section("\n".join(lines)), blocks.divider()]
        else:
            shown.append(blocks.section("\n".join([f"*{title}*", *(f"• {x}" for x in lines)])))
    return Reply(page[0][1][0] if page else "Nothing is known yet.", tuple(shown))
