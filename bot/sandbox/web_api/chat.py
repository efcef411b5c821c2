"""`chat.*`: posting, changing, deleting, streaming."""

from bot.sandbox.drafts import Draft
from bot.sandbox.errors import SlackError
from bot.sandbox.limits import Tier
from bot.sandbox.messages import Payload
from bot.sandbox.streams import check_markdown
from bot.sandbox.web_api.arguments import Arguments
from bot.sandbox.web_api.methods import Call, method


def draft_of(arguments: Arguments) -> Draft:
    """Read what is to be said. Raises: SlackError `invalid_blocks_format`, ..."""
    text, markdown = arguments.text("text"), arguments.text("markdown_text")
    blocks = arguments.objects("blocks", "invalid_blocks_format")
    if markdown is not None:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        check_markdown(markdown)
        text, blocks = markdown, [{"type": "markdown", "text": markdown}]
    icons: Payload = {
        key.removeprefix("icon_"): value
        for key in ("icon_emoji", "icon_url")
        if (value := arguments.text(key))
    }
    return Draft(
        text,
        blocks,
        arguments.objects("attachments", "invalid_attachments"),
        arguments.text("thread_ts"),
        arguments.structure("metadata", dict, "invalid_metadata_format"),
        arguments.flag("reply_broadcast"),
        username=arguments.text("username"),
        icons=icons or None,
    )


@method("chat.postMessage", Tier.SPECIAL, "chat:write")
def post_message(call: Call) -> Payload:
    channel = call.arguments.required("channel")
    message = call.workspace.chat.post(call.user, channel, draft_of(call.arguments))
    shown = call.workspace.shown(message, include_metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": shown}


@method("chat.postEphemeral", Tier.FOUR, "chat:write")
def post_ephemeral(call: Call) -> Payload:
    channel, to = call.arguments.required("channel"), call.arguments.required("user")
    message = call.workspace.chat.post_ephemeral(call.user, channel, to, draft_of(call.arguments))
    return {"message_ts": message.ts}


@method("chat.update", Tier.THREE, "chat:write")
def update(call: Call) -> Payload:
    channel, ts = call.arguments.required("channel"), call.arguments.required("ts")
    message = call.workspace.chat.update(call.user, channel, ts, draft_of(call.arguments))
    shown = call.workspace.shown(message, include_metadata=True)
    return {"channel": message.channel, "ts": ts, "text": message.text, "message": shown}


@method("chat.delete", Tier.THREE, "chat:write")
def delete(call: Call) -> Payload:
    channel, ts = call.arguments.required("channel"), call.arguments.required("ts")
    call.workspace.chat.delete(call.user, channel, ts)
    return {"channel": channel, "ts": ts}


@method("chat.getPermalink", Tier.SPECIAL)
def get_permalink(call: Call) -> Payload:
    channel, ts = call.arguments.required("channel"), call.arguments.required("message_ts")
    permalink = call.workspace.chat.permalink(call.user, channel, ts)
    return {"channel": channel, "permalink": permalink}


@method("chat.startStream", Tier.TWO, "chat:write")
def start_stream(call: Call) -> Payload:
    arguments = call.arguments
    message = call.workspace.streams.start(
        call.user,
        arguments.required("channel"),
        arguments.required("thread_ts"),
        arguments.text("markdown_text") or "",
        arguments.objects("chunks", "invalid_chunks") or [],
        arguments.text("recipient_team_id"),
        arguments.text("recipient_user_id"),
    )
    return {"channel": message.channel, "ts": message.ts}


@method("chat.appendStream", Tier.FOUR, "chat:write")
def append_stream(call: Call) -> Payload:
    arguments = call.arguments
    channel, ts = arguments.required("channel"), arguments.required("ts")
    markdown = arguments.text("markdown_text") or ""
    chunks = arguments.objects("chunks", "invalid_chunks") or []
    call.workspace.streams.append(call.user, channel, ts, markdown, chunks)
    return {"channel": channel, "ts": ts}


@method("chat.stopStream", Tier.TWO, "chat:write")
def stop_stream(call: Call) -> Payload:
    arguments = call.arguments
    message = call.workspace.streams.stop(
        call.user,
        arguments.required("channel"),
        arguments.required("ts"),
        arguments.text("markdown_text") or "",
        arguments.objects("chunks", "invalid_chunks") or [],
        arguments.objects("blocks", "invalid_blocks_format"),
        arguments.structure("metadata", dict, "invalid_metadata_format"),
    )
    shown = call.workspace.shown(message, include_metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": shown}
