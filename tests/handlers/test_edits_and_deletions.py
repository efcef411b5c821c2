"""What Slack tells of a message before, while and after it becomes an example."""

from collections.abc import Iterator

import pytest

from bot.curation.unanswered import note_unanswered
from handlers.shortcuts import teach_view
from handlers.views import on_submit
from storage import questions
from storage.audience import WORKSPACE
from storage.tables import Unanswered, WhyUnanswered, Wording
from tests.forgetting_office import Office
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.teaching import TEAM

ALICE, BOB, CAROL = "U0ALICE", "U0BOB", "U0CAROL"
SECRET = "xylophone quarantine"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(no_limits=True) as running:
        yield running


def with_turns(office: Office) -> list[str]:
    """A thread whose first message is context, its second the question, its last the answer."""
    return office.desk.thread(
        (CAROL, f"It broke, the {SECRET}"), (BOB, "Which one?"), (CAROL, f"the {SECRET}"),
        (ALICE, f"Turn the {SECRET} off."),
    )  # fmt: skip


@pytest.mark.parametrize("index", [0, 2, 3])
@pytest.mark.parametrize("is_first", [True, False], ids=["deleted first", "voted first"])
def test_of_a_deleted_message_nothing_is_kept_however_late_either_is_worked_off(
    office, index, is_first
):
    """The thread is still read whole, as by a worker that asked Slack a moment before."""
    posted = with_turns(office)

    if is_first:
        office.deleted(posted[index])
    office.voted(BOB, posted[3])
    if not is_first:
        office.deleted(posted[index])
    office.work()
    office.sweep()

    assert [example.state for example in office.desk.examples()] in ([], ["withdrawn"])
    assert office.bytes_with(SECRET) == []


@pytest.mark.parametrize("is_first", [True, False], ids=["edited first", "voted first"])
def test_an_edit_is_in_the_example_however_late_either_is_worked_off(office, is_first):
    asked, answer = office.desk.thread((CAROL, "Howe?"), (ALICE, "With a kee."))

    if not is_first:
        office.voted(BOB, answer)
    office.rewrite(ALICE, answer, "With a key.")
    office.rewrite(CAROL, asked, "How?")
    if is_first:
        office.voted(BOB, answer)
    office.work()

    (example,) = office.desk.examples()
    assert (example.question, example.answer) == ("How?", "With a key.")
    assert (example.stale_since, example.revision) == (None, 1)


def opened_form(office: Office, ts: str) -> dict:
    who = {"user": {"id": BOB}, "team": {"id": TEAM}}
    shortcut = {"channel": {"id": "C0HELP"}, "message_ts": ts, "trigger_id": "t", **who}
    return teach_view(shortcut, office.desk.client, office.desk.deps)


def send(office: Office, view: dict, **typed: str) -> list[dict]:
    """Send the form as it is, or with what is typed over it; returns what Slack is told."""
    values = {
        block["block_id"]: {
            block["block_id"]: {"value": block["element"].get("initial_value", "")}
        }
        for block in view["blocks"] if block["type"] == "input"
    }  # fmt: skip
    for field, text in typed.items():
        values[field] = {field: {"value": text}}
    told: list[dict] = []
    body = {"user": {"id": BOB}, "team": {"id": TEAM}}
    on_submit(
        lambda **said: told.append(said), body, {**view, "state": {"values": values}},
        office.desk.deps,
    )  # fmt: skip
    return told


def test_an_edit_while_a_form_was_open_waits_for_a_reviewer(office):
    _, answer = office.desk.thread((CAROL, "How?"), (ALICE, "With a kee."))
    view = opened_form(office, answer)

    office.rewrite(ALICE, answer, "With a key.")
    office.work()
    send(office, view)
    office.work()

    (example,) = office.desk.examples()
    assert (example.answer, example.stale_reason) == ("With a kee.", "message_edited")
    assert example.proposal["answer"] == "With a key."


def test_a_form_that_changed_the_words_is_no_edit_of_the_message(office):
    _, answer = office.desk.thread((CAROL, "How?"), (ALICE, "With a kee."))
    office.edited(answer, "1500000000.000000")  # long before
    office.work()

    send(office, opened_form(office, answer), answer="With a key.")
    office.work()

    (example,) = office.desk.examples()
    assert (example.answer, example.stale_since) == ("With a key.", None)


def test_a_message_that_was_deleted_while_a_form_was_open_is_not_kept(office):
    asked, answer = office.desk.thread((CAROL, "How?"), (ALICE, f"With the {SECRET}."))
    view = opened_form(office, answer)

    office.deleted(asked)
    office.work()
    (told,) = send(office, view)

    assert "not there any more" in str(told["view"])
    assert office.desk.examples() == []
    assert office.bytes_with(SECRET) == []


def test_what_a_person_put_in_the_place_of_the_message_is_not_overwritten_by_its_edit(office):
    _, answer = office.desk.thread((CAROL, "How?"), (ALICE, "With a kee."))
    office.desk.vote(CAROL, answer)
    (proposed,) = office.desk.examples()
    with office.database.write() as session:
        kept = session.get_one(type(proposed), proposed.id)
        kept.answer, kept.original_answer = "With the long key.", "With a kee."

    office.rewrite(ALICE, answer, "With a key.")
    office.work()

    (example,) = office.desk.examples()
    assert (example.answer, example.stale_reason) == ("With the long key.", "message_edited")
    assert example.proposal["answer"] == "With a key."


def noted(office: Office, answer_ts: str) -> None:
    with office.database.write() as session:
        question = questions.find_by_answer(session, TEAM, "C0HELP", answer_ts)
        note_unanswered(session, question, WORKSPACE, f"The {SECRET}?", WhyUnanswered.ABSTAINED)


def asked_at(office: Office, answer_ts: str) -> str:
    with office.database.read() as session:
        return questions.find_by_answer(session, TEAM, "C0HELP", answer_ts).message_ts


def test_a_question_deleted_while_it_was_answered_is_on_no_list(office):
    answer_ts = office.desk.bot_answer(f"The {SECRET}?", "I don't know.")

    office.deleted(asked_at(office, answer_ts))
    office.work()
    noted(office, answer_ts)

    assert office.rows(Unanswered) == []
    assert office.bytes_with(SECRET) == []


def test_an_edited_question_leaves_the_list_and_the_wordings_it_was_kept_among(office):
    answer_ts = office.desk.bot_answer(f"The {SECRET}?", "I don't know.")
    message_ts = asked_at(office, answer_ts)
    noted(office, answer_ts)
    source = office.desk.thread((ALICE, "Which key?"), (ALICE, "Number 1."))[1]
    office.desk.vote(BOB, source)
    (example,) = office.desk.examples()
    with office.database.write() as session:
        session.add(
            Wording(
                team_id=TEAM, example_id=example.id, text=f"The {SECRET}?", asker_id=CAROL,
                channel_id="C0HELP", message_ts=message_ts,
            )
        )  # fmt: skip

    office.edited(message_ts, "1500000000.000000")  # long before either was kept
    office.work()
    assert len(office.rows(Unanswered)) == len(office.rows(Wording)) == 1

    office.rewrite(CAROL, message_ts, "<@U0APPRENTICE> The key?")
    office.work()
    office.sweep()

    assert office.rows(Unanswered) == office.rows(Wording) == []
    assert office.bytes_with(SECRET) == []
