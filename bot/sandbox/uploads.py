"""The two-step upload of files: an address for the bytes, then sharing what arrived."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from bot.sandbox.changes import ChangeKind
from bot.sandbox.clock import new_id
from bot.sandbox.contents import Contents
from bot.sandbox.drafts import Draft
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import File, Message, Payload

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

MAX_FILE_BYTES = 50_000_000


class Uploads:
    """Files on their way in, and their bytes."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tickets: dict[str, str] = {}
        self._contents = Contents()

    def begin(self, user: str, name: str, size: int, alt_text: str = "") -> tuple[File, str]:
        """Return the file to be and the ticket its bytes are sent with."""
        if not 0 < size <= MAX_FILE_BYTES:
            raise SlackError("file_upload_size_restricted" if size > 0 else "invalid_arguments")
        mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
        safe = name.replace("\\", "/").rsplit("/", 1)[-1] or "file"
        filetype = safe.rsplit(".", 1)[-1].lower() if "." in safe else "text"
        created = int(self._workspace.clock.now())
        file = File(new_id("F"), safe, safe, mimetype, filetype, size, user, created,
                    alt_text=alt_text)  # fmt: skip
        ticket = new_id("UP")
        self._tickets[ticket] = file.id
        self._workspace.files[file.id] = file
        return file, ticket

    def receive(self, ticket: str, content: bytes) -> File:
        """Take a file's bytes. Raises: SlackError `not_found`, `invalid_arguments`."""
        file_id = self._tickets.get(ticket)
        if file_id is None:
            raise SlackError("not_found")
        file = self._workspace.files[file_id]
        if len(content) != file.size:
            raise SlackError("invalid_arguments", "The upload has not the announced length.")
        del self._tickets[ticket]
        self._contents.put(file.id, content)
        return file

    def complete(
        self, user: str, files: list[Payload], channel: str | None, thread_ts: str | None = None,
        comment: str | None = None, blocks: list[Payload] | None = None,
    ) -> list[File]:  # fmt: skip
        """Finish uploads and, with a channel, share them in one message."""
        done = [self._finish(user, f["id"], f.get("title")) for f in files]
        if channel:
            self.share(user, done, channel, thread_ts, comment, blocks)
        return done

    def share(
        self, user: str, files: list[File], channel: str, thread_ts: str | None = None,
        comment: str | None = None, blocks: list[Payload] | None = None,
    ) -> Message:  # fmt: skip
        draft = Draft(comment, blocks, thread_ts=thread_ts, files=[f.id for f in files])
        message = self._workspace.chat.post(user, channel, draft)
        for file in files:
            file.channels.append(message.channel)
            self._workspace.changed(ChangeKind.FILE, file.id, channel=message.channel)
        return message

    def content(self, file_id: str) -> bytes:
        """Return a file's bytes. Raises: SlackError `file_not_found`."""
        content = self._contents.get(file_id)
        if content is None:
            raise SlackError("file_not_found")
        return content

    def keep_in(self, contents: Contents) -> None:
        """Keep bytes there from now on."""
        self._contents = contents

    def can_see(self, viewer: str, file: File) -> bool:
        """Say whether a person uploaded a file or may read a channel it was shared in."""
        channels = (self._workspace.channels[c] for c in file.channels)
        return file.user == viewer or any(self._workspace.can_see(viewer, c) for c in channels)

    def delete(self, file: File) -> None:
        """Delete a file and take it out of the messages that show it."""
        del self._workspace.files[file.id]
        self._contents.remove(file.id)
        self._workspace.changed(ChangeKind.FILE, file.id)
        for channel in file.channels:
            for message in self._workspace.messages[channel].values():
                if file.id in message.files:
                    message.files.remove(file.id)
                    self._workspace.chat.keep(message)

    def _finish(self, user: str, file_id: str, title: str | None) -> File:
        file = self._workspace.files.get(file_id)
        if file is None or file.user != user or not self._contents.has(file_id) or file.complete:
            raise SlackError("file_not_found")
        file.complete, file.title = True, title or file.title
        self._workspace.changed(ChangeKind.FILE, file.id)
        return file
