"""`files.*`: the upload in two steps, and looking files up."""

from bot.sandbox.errors import SlackError
from bot.sandbox.limits import Tier
from bot.sandbox.messages import File, Payload
from bot.sandbox.people import TEAM_ID
from bot.sandbox.web_api.methods import Call, method


def visible_file(call: Call) -> File:
    """Return a file the caller uploaded or that was shared where they can look."""
    file = call.workspace.files.get(call.arguments.required("file"))
    if file is None or not file.complete or not call.workspace.uploads.can_see(call.user, file):
        raise SlackError("file_not_found")
    return file


@method("files.getUploadURLExternal", Tier.FOUR, "files:write")
def get_upload_url(call: Call) -> Payload:
    arguments = call.arguments
    size = arguments.number("length", 0, 0, 10**12, "invalid_arguments")
    if size == 0:
        raise SlackError("missing_argument")
    alt_text = arguments.text("alt_txt") or ""
    if len(alt_text) > 1000:
        raise SlackError("alt_txt_too_large")
    name = arguments.required("filename")
    file, ticket = call.workspace.uploads.begin(call.user, name, size, alt_text)
    return {"upload_url": f"http://{call.address}/upload/v1/{ticket}", "file_id": file.id}


@method("files.completeUploadExternal", Tier.FOUR, "files:write")
def complete_upload(call: Call) -> Payload:
    arguments = call.arguments
    files = arguments.objects("files", "invalid_arguments")
    if not files or not all("id" in f for f in files):
        raise SlackError("invalid_arguments", "[ERROR] missing required field: files")
    done = call.workspace.uploads.complete(
        call.user,
        files,
        arguments.text("channel_id") or arguments.text("channels"),
        arguments.text("thread_ts"),
        arguments.text("initial_comment"),
        arguments.objects("blocks", "invalid_blocks"),
    )
    return {"files": [f.to_slack(call.workspace.base_url, TEAM_ID) for f in done]}


@method("files.info", Tier.FOUR, "files:read")
def info(call: Call) -> Payload:
    file = visible_file(call)
    return {"file": file.to_slack(call.workspace.base_url, TEAM_ID), "comments": []}


@method("files.delete", Tier.THREE, "files:write")
def delete(call: Call) -> Payload:
    file = visible_file(call)
    if file.user != call.user:
        raise SlackError("cant_delete_file")
    call.workspace.uploads.delete(file)
    return {}
