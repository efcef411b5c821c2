"""
The Slack surface: handlers translate, decide nothing, and leave the work to rows.

``register`` is the table of contents of what people can do in Slack.
"""

from slack_bolt import App

from handlers import (
    attestation,
    blind,
    commands,
    corrections,
    errors,
    events,
    feedback,
    forget_me,
    forgetting,
    home,
    hosting,
    reactions,
    review,
    run_actions,
    settings,
    shortcuts,
    undo,
    views,
)
from handlers.deps import Deps


def register(app: App, deps: Deps) -> None:
    """Bind every listener to the app."""
    errors.register(app)
    # Bolt asks one listener after the other, and of nothing there is more than of reactions.
    reactions.register(app, deps)
    # Edits and deletions are messages too, so they are told apart before those.
    forgetting.register(app, deps)
    events.register(app, deps)
    commands.register(app, deps)
    feedback.register(app, deps)
    review.register(app, deps)
    undo.register(app, deps)
    corrections.register(app, deps)
    shortcuts.register(app, deps)
    views.register(app, deps)
    forget_me.register(app, deps)
    home.register(app, deps)
    attestation.register(app, deps)
    run_actions.register(app, deps)
    hosting.register(app, deps)
    blind.register(app, deps)
    settings.register(app, deps)
