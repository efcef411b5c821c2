"""A card reads well in every state and never says more than is known."""

import pytest

from handlers.run_blocks import RunCard, bar, run_card, time_left
from storage.tables import (
    OPEN_RUN_STATES,
    Evaluation,
    ModelVersion,
    Run,
    RunState,
    Verdict,
    VersionState,
)


def run(state: RunState, **changes) -> Run:
    facts = {
        "id": 3,
        "team_id": "T0DEMO",
        "audience": "workspace",
        "state": state,
        "trainer": "local",
        "requested_by": "U0ALICE",
        "channel_id": "C0HELP",
        "progress": {},
        "rights": {},
    }
    return Run(**facts | changes)


def version(**changes) -> ModelVersion:
    facts = {
        "id": 1,
        "team_id": "T0DEMO",
        "audience": "workspace",
        "number": 1,
        "name": "workspace-v1",
        "run_id": 3,
        "snapshot_id": 1,
        "base_model": "",
        "base_digest": "",
        "adapter_path": "",
        "gguf_path": "",
        "checksum": "",
        "state": VersionState.CANDIDATE,
    }
    return ModelVersion(**facts | changes)


def evaluation(verdict: Verdict, held_out: int = 30, reason: str = "Because.") -> Evaluation:
    line = {
        "name": "tuned + 1 example",
        "version": "workspace-v1",
        "examples": 1,
        "f1": 0.74,
        "f1_low": 0.66,
        "f1_high": 1.02,
        "facts": 0.815,
        "prompt_tokens": 131.4,
        "seconds": 0.93,
    }
    return Evaluation(
        team_id="T0DEMO",
        run_id=3,
        version_id=1,
        held_out=held_out,
        strategies=[line if held_out else {k: line[k] for k in ("name", "version", "examples")}],
        best="tuned + 1 example",
        verdict=verdict,
        reason=reason,
        pictures=[],
    )


def buttons(blocks: list) -> list[str]:
    return [e["action_id"] for b in blocks if b["type"] == "actions" for e in b["elements"]]


def test_training_shows_a_bar_the_step_the_loss_and_the_time_left():
    progress = {"done": 30, "total": 120, "loss": 0.4567, "seconds_left": 131.0}

    text, blocks = run_card(RunCard(run(RunState.TRAINING, progress=progress)))

    assert text == "Run 3 for the workspace: training"
    shown = blocks[0]["text"]["text"]
    assert "✓ queued → ✓ preparing → *training* → evaluating" in shown
    assert "25 % · step 30 of 120 · loss 0.46 · about 2 minutes left" in shown
    assert buttons(blocks) == ["cancel"]


def test_when_all_is_answered_it_says_what_follows():
    progress = {"done": 120, "total": 120, "seconds_left": 0.0}

    _, blocks = run_card(RunCard(run(RunState.EVALUATING, progress=progress)))

    shown = blocks[0]["text"]["text"]
    assert shown.endswith("100 % · answer 120 of 120 · general tasks and the verdict follow")


@pytest.mark.parametrize(("price", "shown"), [("", 1), ("as of today", 2)])
def test_how_long_it_would_take_is_not_guessed_once_it_is_over(price, shown):
    estimate = {
        "tokens": 9_000, "epochs": 3, "hours": None, "price": price, "per_million": 1.0,
        "dollars": 0.01, "hosting_per_hour": None,
    }  # fmt: skip
    before = run(RunState.TRAINING, estimate=estimate)
    after = run(RunState.DONE, estimate=estimate)

    cards = [
        run_card(RunCard(before)),
        run_card(RunCard(after, version(), evaluation(Verdict.HOLD))),
    ]

    assert str(cards).count("Estimate: 9,000 tokens in 3 passes") == shown


@pytest.mark.parametrize(
    ("progress", "words"),
    [({}, "takes some minutes"), ({"waits": "no <quota> left"}, "no &lt;quota&gt; left")],
)
def test_a_run_that_is_being_deployed_says_what_it_waits_for(progress, words):
    text, blocks = run_card(RunCard(run(RunState.DEPLOYING, progress=progress)))

    assert text.endswith("deploying")
    assert "✓ training → *deploying* → evaluating" in str(blocks)
    assert words in str(blocks)
    assert buttons(blocks) == ["cancel"]


@pytest.mark.parametrize("state", OPEN_RUN_STATES)
def test_every_open_state_has_a_card(state):
    text, blocks = run_card(RunCard(run(state)))

    assert text
    assert blocks
    assert ("deploying" in str(blocks)) == (state is RunState.DEPLOYING)


def test_a_queued_run_says_what_it_waits_for():
    _, blocks = run_card(RunCard(run(RunState.QUEUED), ahead=2))

    assert "Waits for 2 other runs." in blocks[0]["text"]["text"]


def test_a_run_that_is_being_cancelled_cannot_be_cancelled_again():
    _, blocks = run_card(RunCard(run(RunState.TRAINING, cancel_requested_by="U0BOB")))

    assert buttons(blocks) == []
    assert "Being cancelled by <@U0BOB>" in blocks[0]["text"]["text"]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_verdict_stands_first_and_the_table_has_a_line_a_strategy(verdict):
    card = RunCard(run(RunState.DONE), version(), evaluation(verdict))

    text, blocks = run_card(card)

    table = next(block for block in blocks if block["type"] == "table")
    assert blocks[0]["type"] == "header"
    assert "workspace-v1" in text
    assert len(table["rows"]) == 2
    assert buttons(blocks) == ["report", "blind", "promote", "hold"]
    promote = blocks[-1]["elements"][0]
    assert (promote.get("style") == "primary") == (verdict == Verdict.PROMOTE)


def test_scores_stay_between_zero_and_one():
    _, blocks = run_card(RunCard(run(RunState.DONE), version(), evaluation(Verdict.PROMOTE)))

    table = next(block for block in blocks if block["type"] == "table")
    cells = [cell["elements"][0]["elements"][0]["text"] for cell in table["rows"][1]]
    assert cells == ["tuned + 1 example", "0.74", "0.66 to 1.00", "82 %", "131", "0.9"]


def test_without_held_out_questions_there_is_no_table():
    _, blocks = run_card(RunCard(run(RunState.DONE), version(), evaluation(Verdict.HOLD, 0)))

    assert not [block for block in blocks if block["type"] in ("table", "image")]


@pytest.mark.parametrize(
    ("is_live", "state", "words"),
    [
        (True, VersionState.PROMOTED, "*Live.* Promoted by <@U0BOB>"),
        (False, VersionState.PROMOTED, "Was live: promoted by <@U0BOB>"),
        (False, VersionState.HELD, "*Held* by <@U0BOB>"),
    ],
)
def test_after_a_decision_the_card_says_who_decided_and_has_no_buttons(is_live, state, words):
    decided = version(state=state, decided_by="U0BOB")

    _, blocks = run_card(
        RunCard(run(RunState.DONE), decided, evaluation(Verdict.PROMOTE), is_live=is_live)
    )

    assert words in blocks[-1]["text"]["text"]
    assert buttons(blocks) == ["report", "blind"]


def test_what_was_left_out_for_want_of_rights_is_counted():
    rights = {"rows": {"authored": 9}, "by": "U0ALICE", "left_out": {"slack_message": 4}}

    _, blocks = run_card(RunCard(run(RunState.FAILED, error="No <!here> disk.", rights=rights)))

    assert "&lt;!here&gt;" in blocks[0]["text"]["text"]
    context = blocks[-1]["elements"][1]["text"]
    assert "9 from the form, attested by <@U0ALICE>" in context
    assert "nobody attested their source: 4 from Slack messages" in context


def test_what_somebody_should_look_at_is_said_with_where_to():
    warned = run(RunState.TRAINING, record={"warnings": {"duplicate": 1, "no_words": 2}})

    _, blocks = run_card(RunCard(warned))

    assert "1 duplicate, 2 rows without words. `python -m bot dataset check`" in str(blocks)
    assert "dataset check" not in str(run_card(RunCard(run(RunState.TRAINING))))


@pytest.mark.parametrize(("share", "full"), [(-1, 0), (0, 0), (0.5, 10), (1, 20), (7, 20)])
def test_the_bar_is_always_as_long(share, full):
    assert bar(share) == "█" * full + "░" * (20 - full)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "a few seconds left"), (41, "about 40 seconds left"), (150, "about 2 minutes left")],
)
def test_time_left_is_told_coarsely(seconds, words):
    assert time_left(seconds) == words
