"""`assistant.threads.*` and `agents.sessions.*`: what an agent shows of its work."""

from bot.sandbox.errors import SlackError
from bot.sandbox.limits import Tier
from bot.sandbox.messages import Payload
from bot.sandbox.web_api.conversations import TS
from bot.sandbox.web_api.methods import Call, method

SESSION_STATES = {"processing", "active", "suspended", "closed"}
MAX_PROMPTS = 4
MAX_TITLE = 200


def thread_of(call: Call) -> tuple[str, str]:
    """Return channel and thread. Raises: SlackError `channel_not_found`, `invalid_thread_ts`."""
    channel = call.workspace.channel(call.arguments.required("channel_id"), call.user)
    if call.user not in channel.members:
        raise SlackError("channel_not_found")
    thread_ts = call.arguments.required("thread_ts")
    if not TS.match(thread_ts) or thread_ts not in call.workspace.messages[channel.id]:
        raise SlackError("invalid_thread_ts")
    return channel.id, thread_ts


def session_of(call: Call) -> tuple[str, str | None]:
    """Return channel and thread; without a thread the session is the channel's own."""
    if call.arguments.text("thread_ts") is not None:
        return thread_of(call)
    channel_id = call.arguments.required("channel_id")
    return call.workspace.channel_of_member(channel_id, call.user).id, None


@method("assistant.threads.setStatus", Tier.SPECIAL, "chat:write", "assistant:write")
def set_status(call: Call) -> Payload:
    channel, thread_ts = thread_of(call)
    status = call.arguments.values.get("status")
    if not isinstance(status, str):
        raise SlackError("invalid_arguments", "[ERROR] missing required field: status")
    loading = call.arguments.structure("loading_messages", list, "invalid_arguments") or []
    if len(loading) > 10:
        raise SlackError("invalid_arguments", "[ERROR] no more than 10 items allowed")
    call.workspace.statuses.set_text(channel, thread_ts, status, loading)
    return {}


@method("assistant.threads.setTitle", Tier.FOUR, "assistant:write")
def set_title(call: Call) -> Payload:
    channel, thread_ts = thread_of(call)
    call.workspace.statuses.set_title(channel, thread_ts, call.arguments.required("title"))
    return {}


@method("assistant.threads.setSuggestedPrompts", Tier.FOUR, "assistant:write")
def set_suggested_prompts(call: Call) -> Payload:
    # Under the agent view the thread may be left out: the prompts then stand in the messages tab.
    channel, thread_ts = session_of(call)
    prompts = call.arguments.objects("prompts", "invalid_arguments")
    if not prompts or len(prompts) > MAX_PROMPTS:
        raise SlackError("invalid_arguments", f"[ERROR] 1 to {MAX_PROMPTS} prompts are allowed")
    if any(not p.get("title") or not p.get("message") for p in prompts):
        raise SlackError("invalid_arguments", "[ERROR] a prompt needs title and message")
    title = call.arguments.text("title") or ""
    call.workspace.statuses.set_prompts(channel, thread_ts, prompts, title)
    return {}


@method("agents.sessions.setStatus", Tier.THREE, "chat:write", "assistant:write")
def set_session_status(call: Call) -> Payload:
    state = call.arguments.required("status")
    if state not in SESSION_STATES:
        raise SlackError("invalid_arguments", "[ERROR] status is not known")
    title = call.arguments.text("title")
    if title and len(title) > MAX_TITLE:
        raise SlackError(
            "invalid_arguments", f"[ERROR] must be less than {MAX_TITLE + 1} characters"
        )
    channel, thread_ts = session_of(call)
    call.workspace.statuses.set_session(channel, thread_ts, state)
    if title:
        call.workspace.statuses.set_title(channel, thread_ts, title)
    if "agent_session_stopped" not in call.workspace.manifest.events:
        call.arguments.warnings.append("missing_agent_session_stopped_event_subscription")
    return {}


@method("agents.sessions.rename", Tier.THREE, "chat:write", "assistant:write")
def rename_session(call: Call) -> Payload:
    channel, thread_ts = session_of(call)
    call.workspace.statuses.set_title(channel, thread_ts, call.arguments.required("title"))
    return {}
