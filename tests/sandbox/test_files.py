import urllib.error
import urllib.request

import pytest

from tests.running_sandbox import RunningSandbox
from tests.sandbox.conftest import refusal

PNG = bytes.fromhex("89504e470d0a1a0a") + b"not really" * 10


def fetch(sandbox: RunningSandbox, address: str, token: str | None = None) -> tuple[int, bytes]:
    address = address.replace("localhost", "127.0.0.1")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def test_an_uploaded_picture_is_shared_in_a_thread(sandbox: RunningSandbox) -> None:
    root = sandbox.post("U0CAROL", "how did it go?")
    sandbox.client().files_upload_v2(
        channel="C0HELP", thread_ts=root, content=PNG, filename="loss curve.png",
        title="Loss", initial_comment="Like this", alt_txt="a falling line",
    )  # fmt: skip

    (reply,) = [m for m in sandbox.messages(thread_ts=root) if m["files"]]
    (file,) = reply["files"]
    assert (reply["text"], file["title"], file["mimetype"]) == ("Like this", "Loss", "image/png")
    assert fetch(sandbox, file["url_private"], "xoxp-U0CAROL") == (200, PNG)
    assert fetch(sandbox, f"{sandbox.url}/sandbox/file/{file['id']}") == (200, PNG)


def test_a_private_file_needs_a_token_that_can_see_it(sandbox: RunningSandbox) -> None:
    sandbox.client().files_upload_v2(channel="C0OPS", content=PNG, filename="ops.png")
    (file,) = [f for f in sandbox.state("files")["files"] if f["name"] == "ops.png"]

    assert fetch(sandbox, file["url_private"])[0] == 403
    assert fetch(sandbox, file["url_private"], "xoxp-U0CAROL")[0] == 404
    assert fetch(sandbox, file["url_private"], "xoxp-U0BOB")[0] == 200
    hidden = lambda: sandbox.client("U0CAROL").files_info(file=file["id"])  # noqa: E731
    assert refusal(hidden) == "file_not_found"


def test_an_upload_must_have_the_length_it_announced(sandbox: RunningSandbox) -> None:
    bot = sandbox.client()
    upload = bot.files_getUploadURLExternal(filename="a.txt", length=5)

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(upload["upload_url"], b"too long")
    refused.value.close()
    early = lambda: bot.files_completeUploadExternal(files=[{"id": upload["file_id"]}])  # noqa: E731
    assert refusal(early) == "file_not_found"
    urllib.request.urlopen(upload["upload_url"], b"right").close()
    assert bot.files_completeUploadExternal(files=[{"id": upload["file_id"]}])["ok"]


def test_file_names_cannot_leave_their_place(sandbox: RunningSandbox) -> None:
    bot = sandbox.client()
    upload = bot.files_getUploadURLExternal(filename="../../etc/pass wd?", length=1)
    urllib.request.urlopen(upload["upload_url"], b"x").close()

    file = bot.files_completeUploadExternal(files=[{"id": upload["file_id"]}])["files"][0]

    assert file["name"] == "pass wd?"
    assert file["url_private"].endswith("/pass%20wd%3F")


def test_too_large_a_file_is_refused(sandbox: RunningSandbox) -> None:
    begin = lambda: sandbox.client().files_getUploadURLExternal(  # noqa: E731
        filename="big.bin", length=60_000_000
    )

    assert refusal(begin) == "file_upload_size_restricted"
