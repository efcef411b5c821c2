"""The page's addresses: Slack's permalinks and our own."""

import pytest

from bot.sandbox.page.address import HOME, Address, read, write


def test_a_permalink_of_a_reply_names_channel_message_and_thread():
    found = read("/archives/C0HELP/p1763800000123456", "?thread_ts=1763700000.000001&cid=C0HELP")

    assert found == Address("C0HELP", message="1763800000.123456", thread="1763700000.000001")


@pytest.mark.parametrize(
    "address",
    [
        Address(HOME, viewer="U0BOB"),
        Address("C0HELP", viewer="U0ALICE"),
        Address("C0HELP", message="1763800000.123456", viewer="U0ALICE"),
        Address("D0ABC", thread="1763700000.000001"),
    ],
)
def test_what_is_written_is_read_back(address):
    path, _, search = write(address).partition("?")

    assert read(path, f"?{search}") == address


@pytest.mark.parametrize(
    "path", ["/", "/nonsense", "/archives/", "/archives/../x", "/archives/C0/px"]
)
def test_an_address_without_sense_is_the_start(path):
    assert read(path, "") == Address()


def test_the_direct_message_with_somebody_has_an_address():
    assert read("/dm/U0APPRENTICE", "?as=U0CAROL") == Address(
        person="U0APPRENTICE", viewer="U0CAROL"
    )
