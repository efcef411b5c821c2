"""The card that follows a run from queue to verdict. Pure: from values to Block Kit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.answering.blind import judge_words, people_words
from bot.answering.parity import ACCEPTED, IF_PROVEN, UNPROVEN, may_answer
from bot.answering.verdicts import abstention_words, headline_of, similarity_words
from bot.budget import shown
from bot.dataset.checks.findings import WARNINGS, warned_of
from handlers import blocks
from handlers.blocks import Block
from storage.audience import WORKSPACE
from storage.tables import (
    OPEN_RUN_STATES,
    Evaluation,
    ModelVersion,
    Origin,
    Run,
    RunState,
    Verdict,
    VersionState,
)

_BAR_CELLS = 20
_STATES = {
    RunState.QUEUED: "queued",
    RunState.PREPARING: "preparing",
    RunState.TRAINING: "training",
    RunState.DEPLOYING: "deploying",
    RunState.EVALUATING: "evaluating",
}
#: A run that rests stands where it stood.
_STANDS_AT = {RunState.PAUSED: RunState.TRAINING}
_SOURCES = {
    "slack_message": "Slack messages",
    "authored": "the form",
    "bot_answer": "kept answers of the bot",
    "import": "imports",
}


@dataclass(frozen=True)
class RunCard:
    """What a card shows. ``ahead`` counts the runs that come first while this one is queued."""

    run: Run
    version: ModelVersion | None = None
    evaluation: Evaluation | None = None
    is_live: bool = False
    ahead: int = 0


def run_card(card: RunCard) -> tuple[str, list[Block]]:
    """Return the card's text for notifications and its blocks."""
    if card.run.state in OPEN_RUN_STATES:
        return _open_card(card)
    if card.run.state == RunState.DONE and card.evaluation and card.version:
        return _verdict_card(card, card.evaluation, card.version)
    return _ended_card(card.run)


def title_of(run: Run) -> str:
    """``Run 3 for the workspace``."""
    return f"Run {run.id} for {audience_words(run.audience)}"


def audience_words(audience: str) -> str:
    """An audience as people call it; shown only to those who may know of it."""
    return "the workspace" if audience == WORKSPACE else f"<#{audience}>"


def progress_words(run: Run) -> str:
    """How far a run is, in one line: a bar while it can be counted."""
    progress, parts = run.progress, []
    done, total = progress.get("done"), progress.get("total")
    state = _STANDS_AT.get(run.state, run.state)
    if state in (RunState.TRAINING, RunState.EVALUATING) and done is not None and total:
        what = "step" if state == RunState.TRAINING else "answer"
        parts = [f"`{bar(done / total)}` {done * 100 // total} %", f"{what} {done} of {total}"]
        if state == RunState.EVALUATING and done >= total:
            return " · ".join([*parts, "general tasks and the verdict follow"])
    elif run.state == RunState.TRAINING and not progress:
        parts = ["Starting …"]  # a model is loaded, or a provider has it in its queue
    if (loss := progress.get("loss")) is not None:
        parts.append(f"loss {loss:.2f}")
    if (seconds := progress.get("seconds_left")) is not None:
        parts.append(time_left(seconds))
    waits = progress.get("waits")
    if run.state == RunState.DEPLOYING:
        waits = waits or "Waits for its deployment, which takes some minutes."
    if waits:
        parts.append(blocks.escape(waits))
    return " · ".join(parts)


def bar(share: float) -> str:
    """A bar of text, full at 1."""
    full = round(max(0.0, min(1.0, share)) * _BAR_CELLS)
    return "█" * full + "░" * (_BAR_CELLS - full)


def time_left(seconds: float) -> str:
    """Coarse on purpose: a promise to the second is broken every second."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds / 10) * 10} seconds left"
    return f"about {round(seconds / 60)} minutes left"


def _open_card(card: RunCard) -> tuple[str, list[Block]]:
    run = card.run
    if run.state == RunState.WAITING:
        return _waiting_card(run)
    text = f"{title_of(run)}: {run.state}"
    lines = [f"*{title_of(run)}*", _steps(_STANDS_AT.get(run.state, run.state))]
    if progress := progress_words(run):
        lines.append(progress)
    if run.cancel_requested_by:
        lines.append(f"Being cancelled by <@{run.cancel_requested_by}> …")
    elif words := _pause_words(run):
        lines.append(words)
    elif run.state == RunState.QUEUED and card.ahead:
        lines.append(f"Waits for {card.ahead} other run{'' if card.ahead == 1 else 's'}.")
    parts = [blocks.section("\n".join(lines)), _origin(run)]
    if not run.cancel_requested_by:
        parts.append(blocks.actions(*_pause_buttons(run), _cancel_button(run)))
    return text, parts


def _pause_words(run: Run) -> str:
    if by := run.pause_requested_by:
        return f"⏸ Paused by <@{by}>." if run.state == RunState.PAUSED else f"<@{by}> pauses it …"
    return "Goes on as soon as no other run is worked on." if run.state == RunState.PAUSED else ""


def _pause_buttons(run: Run) -> list[Block]:
    if run.pause_requested_by:
        return [blocks.button("Resume", "resume", str(run.id), style="primary")]
    may_pause = run.can_pause and run.state == RunState.TRAINING
    return [blocks.button("Pause", "pause", str(run.id))] if may_pause else []


def _waiting_card(run: Run) -> tuple[str, list[Block]]:
    text = f"{title_of(run)}: waits for an admin's approval"
    lines = [f"*{title_of(run)}* waits for an admin's approval: it is above the budget."]
    lines += [blocks.escape(sentence) for sentence in run.estimate.get("over", [])]
    parts = [blocks.section("\n".join(lines)), _origin(run)]
    if not run.cancel_requested_by:
        parts.append(approval_buttons(run.id or 0))
    return text, parts


def approval_buttons(run_id: int) -> Block:
    """To let a run start above the budget, or to end it."""
    return blocks.actions(
        blocks.button("Approve", "approve_run", str(run_id), style="primary"),
        blocks.button("Cancel the run", "cancel", str(run_id), style="danger"),
    )


def estimate_words(run: Run) -> str:
    """What the run was estimated at and what that rests on; nothing before there is an estimate."""
    found = run.estimate
    if not found:
        return ""
    if found.get("tokens") is None:
        return "Neither its cost nor its time could be estimated"
    epochs = found["epochs"]
    parts = [f"{found['tokens']:,} tokens in {epochs} pass{'' if epochs == 1 else 'es'}"]
    if found["hours"] is not None:
        parts.append(f"about {shown(found['hours'], 'h')} at {_speed_words(found)}")
    if price := found["price"]:
        each = found["per_million"]
        known = (
            "at a price nobody told me"
            if found["dollars"] is None
            else (f"about {shown(found['dollars'], '$')} at ${each:,.2f} a million")
        )
        parts.append(f"{known} ({price})")
    if found["hosting_per_hour"]:
        parts.append(f"its result costs ${found['hosting_per_hour']:.2f} an hour to host")
    words = "Estimate: " + ", ".join(parts)
    if run.cost:
        words += f". Billed: {shown(run.cost, '$')}"
    if run.approved_by:
        words += f". Approved above the budget by <@{run.approved_by}>"
    return words


def _speed_words(found: dict[str, Any]) -> str:
    how = "as measured here" if found["is_measured"] else "not measured here yet"
    return f"{found['tokens_per_second']:,.0f} tokens a second, {how}"


def _steps(state: RunState) -> str:
    order = list(_STATES)
    shown = []
    for place, step in enumerate(order):
        words = _STATES[step]
        # Most models answer without: the step is shown to those whose run is at it.
        if step == RunState.DEPLOYING != state:
            continue
        if place < order.index(state):
            shown.append(f"✓ {words}")
        else:
            shown.append(f"*{words}*" if step == state else words)
    return " → ".join(shown)


def _cancel_button(run: Run) -> Block:
    dialog = blocks.confirm(
        "Cancel this run?", "What was trained so far is thrown away.", "Cancel the run", "Go on"
    )
    return blocks.button("Cancel", "cancel", str(run.id), style="danger", confirm=dialog)


def _verdict_card(
    card: RunCard, evaluation: Evaluation, version: ModelVersion
) -> tuple[str, list[Block]]:
    headline = headline_of(evaluation, version.name)
    parts = [blocks.header(headline), blocks.section(blocks.escape(evaluation.reason))]
    if evaluation.held_out:
        parts += [score_table(evaluation), blocks.context(_table_note(evaluation))]
    if people := evaluation.evidence.get("people"):
        parts.append(blocks.section(people_words(people)))
    if judge := evaluation.evidence.get("judge"):
        parts.append(blocks.context(judge_words(judge, people)))
    parts += [
        blocks.image(number, picture["alt_text"])
        for number, picture in enumerate(evaluation.pictures)
    ]
    parts += [_origin(card.run), _reading_buttons(card.run, evaluation)]
    decision = _decision(card, evaluation, version)
    if decision:
        parts.append(blocks.section(decision))
    else:
        parts.append(_decision_buttons(evaluation, version))
    return f"{title_of(card.run)}: {headline}", parts


def score_table(evaluation: Evaluation) -> Block:
    """The strategies side by side, the one that would answer in bold."""
    # What was measured of no strategy gets no column.
    columns = [
        (head, words)
        for name, head, words in _COLUMNS
        if name not in _OPTIONAL or any(name in line for line in evaluation.strategies)
    ]
    rows = [[_cell(head) for head, _ in columns]]
    for line in evaluation.strategies:
        is_best = line["name"] == evaluation.best
        rows.append([_cell(_words(line, words), bold=is_best) for _, words in columns])
    align = [{"align": "left", "is_wrapped": True}, *[{"align": "right"}] * (len(columns) - 1)]
    return {"type": "table", "rows": rows, "column_settings": align}


def _words(line: dict[str, Any], words: Callable[[dict[str, Any]], str]) -> str:
    return words(line) if "f1" in line or words is _name else "–"


def _name(line: dict[str, Any]) -> str:
    return str(line["name"])


def _interval(line: dict[str, Any]) -> str:
    low, high = line.get("f1_low"), line.get("f1_high")
    return "–" if low is None or high is None else f"{max(0, low):.2f} to {min(1, high):.2f}"


def _facts(line: dict[str, Any]) -> str:
    return f"{line['facts']:.0%}".replace("%", " %") if "facts" in line else "–"


def _similarity(line: dict[str, Any]) -> str:
    return f"{line['similarity']:.2f}" if "similarity" in line else "–"


#: The field a column shows, its head, and how; the optional ones only where they were measured.
_COLUMNS: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
    ("name", "Strategy", _name),
    ("f1", "Token F1", lambda line: f"{line['f1']:.2f}"),
    ("f1_low", "95 % interval", _interval),
    ("similarity", "Similarity", _similarity),
    ("facts", "Facts right", _facts),
    ("prompt_tokens", "Prompt tokens", lambda line: f"{line['prompt_tokens']:.0f}"),
    ("seconds", "Seconds", lambda line: f"{line['seconds']:.1f}"),
)
_OPTIONAL = frozenset({"similarity"})


def _cell(words: str, *, bold: bool = False) -> Block:
    if not bold:
        return {"type": "raw_text", "text": words}
    text = {"type": "text", "text": words, "style": {"bold": True}}
    section = {"type": "rich_text_section", "elements": [text]}
    return {"type": "rich_text", "elements": [section]}


def _table_note(evaluation: Evaluation) -> str:
    number = evaluation.held_out
    return (
        f"Averages over {number} held-out question{'' if number == 1 else 's'}, each answered by "
        "every strategy. Token F1: 1 is the curated answer word for word, 0 shares no word. "
        f"{similarity_words(evaluation)} "
        "Facts: numbers, names, commands and links of the curated answer. "
        f"{abstention_words(evaluation)}"
    )


def _decision(card: RunCard, evaluation: Evaluation, version: ModelVersion) -> str:
    """Who decided and what, or nothing while it is open."""
    by = f" by <@{version.decided_by}>" if version.decided_by else ""
    if accepted := evaluation.evidence.get(ACCEPTED):
        by += f", without a proof of parity as <@{accepted['by']}> decided"
    if card.is_live:
        return f"*Live.* Promoted{by}. `/apprentice rollback` returns to what was before."
    if version.state == VersionState.PROMOTED:
        return f"Was live: promoted{by}, something else answers now."
    if version.state == VersionState.HELD:
        return f"*Held*{by}. `/apprentice promote {version.name}` puts it live later."
    if version.state == VersionState.RETIRED:
        return "*Retired.* Its files are gone."
    return ""


def _reading_buttons(run: Run, evaluation: Evaluation) -> Block:
    """For everybody who sees the card."""
    found = [blocks.button("Full report", "report", str(run.id))]
    if evaluation.held_out:
        found.append(blocks.button("Which answer is better?", "blind", str(run.id)))
    return blocks.actions(*found)


_UNPROVEN_DIALOG = blocks.confirm(
    "Promote it unproven?",
    "Nobody can say whether it is served as it was trained. Its scores were measured as it is "
    "served. That you decided so is kept.",
    "Promote",
    "Not now",
)


def _decision_buttons(evaluation: Evaluation, version: ModelVersion) -> Block:
    hold = blocks.button("Hold", "hold", version.name)
    has_earned = evaluation.verdict == Verdict.PROMOTE or IF_PROVEN in evaluation.evidence
    if has_earned and not may_answer(evaluation, version):
        value = f"{version.name} {UNPROVEN}"
        promote = blocks.button("Promote unproven", "promote", value, confirm=_UNPROVEN_DIALOG)
        return blocks.actions(promote, hold)
    promote = blocks.button(
        "Promote", "promote", version.name, style="primary" if has_earned else None
    )
    return blocks.actions(promote, hold)


def _ended_card(run: Run) -> tuple[str, list[Block]]:
    if run.state == RunState.CANCELLED:
        by = f" by <@{run.cancel_requested_by}>" if run.cancel_requested_by else ""
        words = f"*{title_of(run)}* was cancelled{by}."
    else:
        reason = blocks.escape(run.error or "Nobody knows why.")
        words = f"⚠️ *{title_of(run)}* failed.\n{reason}"
    return f"{title_of(run)}: {run.state}", [blocks.section(words), _origin(run)]


def _origin(run: Run) -> Block:
    parts = [f"{_asked_by(run)}, trainer `{blocks.escape(run.trainer)}`"]
    # What took its time is not guessed any more; what cost money, or somebody's word, still counts.
    counts = run.state != RunState.DONE or run.estimate.get("price") or run.approved_by
    if counts and (words := estimate_words(run)):
        parts.append(words)
    if run.rights:
        parts.append(rights_words(run.rights))
    if warnings := warned_of(run.record.get(WARNINGS, {})):
        parts.append(warnings)
    if preferences := run.hyperparameters.get("preferences"):
        parts.append(preferences)
    return blocks.context(*parts)


def _asked_by(run: Run) -> str:
    if run.origin == Origin.SCHEDULE:
        return f"On the schedule that <@{run.requested_by}> set"
    if run.origin == Origin.MIGRATION:
        return f"The data set of what is live, moved by <@{run.requested_by}>"
    return f"Asked for by <@{run.requested_by}>"


def rights_words(rights: dict[str, Any]) -> str:
    """What was trained on, who allowed it, and what was left out."""
    words = f"Training rows: {_by_source(rights['rows'])}, attested by <@{rights['by']}>"
    if left_out := rights.get("left_out"):
        words += f". Left out, because nobody attested their source: {_by_source(left_out)}"
    return words


def _by_source(counts: dict[str, int]) -> str:
    named = [f"{number} from {_SOURCES.get(name, name)}" for name, number in counts.items()]
    return ", ".join(named) or "nothing"
