"""Who somebody is, and what they may hear: unknown counts as external."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from handlers.people import REMEMBER_SECONDS, People
from storage.audience import WORKSPACE, Viewer
from tests.running_sandbox import running_sandbox


@pytest.fixture
def sandbox(shared_sandbox):
    return shared_sandbox


@pytest.fixture
def people(sandbox):
    return People(sandbox.client(), admins={"U0DAVE"}, curators={"U0BOB"})


def roles(person):
    return person.is_external, person.is_curator, person.is_admin


@pytest.mark.parametrize(
    ("user_id", "expected"),
    [
        ("U0ALICE", (False, True, True)),
        ("U0BOB", (False, True, False)),
        ("U0CAROL", (False, False, False)),
        ("U0DAVE", (True, False, False)),  # a guest stays one, whatever the settings say
        ("U0ERIN", (True, False, False)),
        ("U0NOBODY", (True, False, False)),
    ],
)
def test_roles_follow_slack_and_the_settings(people, user_id, expected):
    assert roles(people.person(user_id)) == expected


@pytest.mark.parametrize(
    ("user_id", "channel_id", "audiences"),
    [
        ("U0CAROL", "C0HELP", {WORKSPACE}),
        ("U0ALICE", "C0OPS", {WORKSPACE, "C0OPS"}),
        ("U0CAROL", "C0OPS", {WORKSPACE}),  # not a member
        ("U0DAVE", "C0HELP", set()),
        ("U0CAROL", "C0PARTNER", set()),
        ("U0ERIN", "C0PARTNER", set()),
        ("U0CAROL", "C0NOWHERE", set()),
    ],
)
def test_what_is_heard_is_what_both_may_hear(people, user_id, channel_id, audiences):
    viewer = people.viewer(people.person(user_id), people.place(channel_id))

    assert viewer == Viewer(frozenset(audiences))


@pytest.mark.parametrize(
    ("user_id", "audiences"),
    [("U0ALICE", {WORKSPACE, "C0OPS"}), ("U0CAROL", {WORKSPACE}), ("U0DAVE", set())],
)
def test_in_private_people_see_the_private_channels_they_are_in(people, user_id, audiences):
    assert people.personal_viewer(people.person(user_id)) == Viewer(frozenset(audiences))


def test_places_have_their_audience(people, sandbox):
    direct = sandbox.client("U0CAROL").conversations_open(users="U0APPRENTICE")["channel"]["id"]

    audiences = [people.place(c).audience for c in ("C0HELP", "C0OPS", "C0PARTNER", direct)]

    assert audiences == [WORKSPACE, "C0OPS", WORKSPACE, WORKSPACE]
    assert people.place(direct).is_dm


def test_a_passing_fault_does_not_make_a_colleague_a_stranger(people, sandbox):
    sandbox.fault("users.info", error="internal_error")

    with pytest.raises(SlackApiError):
        people.person("U0CAROL")
    assert not people.person("U0CAROL").is_external


def test_answers_are_kept_for_a_while_and_forgotten_on_request(sandbox):
    now = [0.0]
    people = People(sandbox.client(), clock=lambda: now[0])
    people.person("U0CAROL")
    sandbox.fault("users.info", error="internal_error", times=2)

    people.person("U0CAROL")
    people.forget(user_id="U0CAROL")
    with pytest.raises(SlackApiError):
        people.person("U0CAROL")
    now[0] += REMEMBER_SECONDS
    with pytest.raises(SlackApiError):
        people.person("U0CAROL")


class Slow(WebClient):
    """Slack answers, and somebody leaves the channel before the answer is here."""

    meanwhile: ClassVar[Callable[[], object]] = staticmethod(lambda: None)

    def conversations_members(self, **asked: Any) -> SlackResponse:
        answer = super().conversations_members(**asked)
        self.meanwhile()
        return answer


def test_what_slack_said_before_a_change_is_not_remembered_after_it():
    with running_sandbox(no_limits=True) as sandbox:
        client = Slow(sandbox.client().token, base_url=sandbox.api_url)
        people = People(client)

        def leave() -> None:
            client.meanwhile = lambda: None
            sandbox.client("U0BOB").conversations_leave(channel="C0OPS")
            people.forget(user_id="U0BOB", channel_id="C0OPS")

        client.meanwhile = leave
        assert "U0BOB" in people.members("C0OPS")

        assert "U0BOB" not in people.members("C0OPS")
