"""The form of ``/apprentice settings`` and what it says in words. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from handlers import blocks
from handlers.blocks import Block
from handlers.deps import Payload
from storage.rules import Rules

FORM = "settings_form"
SCOPE = "settings_scope"
TITLE = "Settings"
WORKSPACE_SCOPE = "workspace"

_REACTION = re.compile(r"[\w+'-]+\Z")
_MAX_REACTIONS = 5
#: What each number may be; Slack's form refuses others as well, but other clients need not.
LIMITS = {
    "quorum": (1, 10),
    "burst_votes": (1, 200),
    "burst_minutes": (1, 1440),
    "stale_days": (0, 3650),
}
_NUMBERS = {
    "quorum": ("Curators who have to approve", "One ✅ of a curator is enough with 1."),
    "burst_votes": (
        "Votes by one person that raise no question",
        "More of them in a short time wait for another curator, in case somebody teaches "
        "nonsense on purpose.",
    ),
    "burst_minutes": ("… within so many minutes", None),
    "stale_days": ("Days after which an example is due for another look", "0 is never."),
}  # fmt: skip
_SWITCHES = {
    "self_votes": ("✅ on one's own answer counts", "Otherwise it only proposes it."),
    "two_person": ("Examples of private channels need two curators", None),
}
_REACTIONS = {
    "good_reactions": "Reactions for a good answer",
    "bad_reactions": "Reactions for a wrong answer",
}


@dataclass(frozen=True)
class Usual:
    """What holds where no admin has set anything: the environment's settings."""

    curators: frozenset[str]
    good_reactions: tuple[str, ...]
    bad_reactions: tuple[str, ...]

    def fill(self, rules: Rules) -> Rules:
        """The rules with nothing left open."""
        return replace(
            rules,
            curators=self.curators if rules.curators is None else rules.curators,
            good_reactions=rules.good_reactions or self.good_reactions,
            bad_reactions=rules.bad_reactions or self.bad_reactions,
        )


def form(rules: Rules, scope: str, channel_id: str | None) -> Payload:
    """The modal; ``rules`` are filled, ``channel_id`` is the channel that may have its own."""
    shown = [
        *([_scope(scope, channel_id)] if channel_id else []),
        *(_number(name, getattr(rules, name), scope) for name in LIMITS),
        _curators(rules, scope),
        *(_reactions(name, getattr(rules, name), scope) for name in _REACTIONS),
        _switches(rules, scope),
    ]
    return blocks.modal(
        FORM, TITLE, shown, submit="Save", private_metadata=f"{scope}|{channel_id or ''}"
    )


def listing(rules: Rules, usual: Usual, place: str) -> str:
    """The rules of a place in words; ``rules`` are as stored."""
    full = usual.fill(rules)
    curators = ", ".join(f"<@{user_id}>" for user_id in sorted(full.curators or ()))
    return "\n".join(
        (
            f"*How I am taught in {place}*",
            f"• Approved by {_counted(full.quorum, 'curator')}"
            + (", and by two in private channels." if full.two_person else "."),
            f"• Curators: workspace admins{' and ' + curators if curators else ' alone'}.",
            f"• Good answer: {_emoji(full.good_reactions)}; wrong answer: "
            f"{_emoji(full.bad_reactions)}.",
            "• ✅ on one's own answer "
            + ("counts like any other." if full.self_votes else "only proposes it."),
            f"• More than {_counted(full.burst_votes, 'vote')} of one person within "
            f"{_counted(full.burst_minutes, 'minute')} wait for another curator.",
            "• " + (f"After {_counted(full.stale_days, 'day')} an example is due for another look."
                    if full.stale_days else "Examples never grow old."),
        )
    )  # fmt: skip


def read(values: Mapping[str, Mapping[str, Payload]]) -> tuple[Rules, dict[str, str]]:
    """What the form holds, as filled rules, and what is wrong with which block."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    blocks_of: dict[str, str] = {}
    for block_id, elements in values.items():
        ((name, element),) = elements.items()
        if name in LIMITS:
            found[name], problem = _read_number(name, element.get("value"))
        elif name in _REACTIONS:
            found[name], problem = _read_reactions(element.get("value") or "")
        elif name == "curators":
            found[name], problem = frozenset(element.get("selected_users") or ()), ""
        elif name == "switches":
            chosen = {option["value"] for option in element.get("selected_options") or ()}
            found |= {switch: switch in chosen for switch in _SWITCHES}
            problem = ""
        else:
            continue
        if problem:
            problems[block_id] = problem
        blocks_of[name] = block_id
    both = set(found.get("good_reactions") or ()) & set(found.get("bad_reactions") or ())
    if both:
        name = sorted(both)[0]
        problems[blocks_of["bad_reactions"]] = f":{name}: cannot mean good and wrong at once."
    return (Rules() if problems else Rules(**found)), problems


def difference(rules: Rules, inherited: Rules) -> dict[str, Any]:
    """What has to be stored so that ``rules`` hold where ``inherited`` hold already."""
    return {
        field.name: getattr(rules, field.name)
        for field in fields(Rules)
        if getattr(rules, field.name) != getattr(inherited, field.name)
    }


def _scope(scope: str, channel_id: str | None) -> Block:
    everywhere = blocks.option("The whole workspace", WORKSPACE_SCOPE)
    here = blocks.option("This channel alone", channel_id or "")
    chosen = everywhere if scope == WORKSPACE_SCOPE else here
    select = {
        "type": "static_select",
        "action_id": SCOPE,
        "options": [everywhere, here],
        "initial_option": chosen,
    }
    return blocks.actions(select, block_id="scope")


def _number(name: str, value: int, scope: str) -> Block:
    label, hint = _NUMBERS[name]
    low, high = LIMITS[name]
    element = {
        "type": "number_input",
        "action_id": name,
        "is_decimal_allowed": False,
        "initial_value": str(value),
        "min_value": str(low),
        "max_value": str(high),
    }
    return blocks.input_block(label, element, _block_id(name, scope), hint=hint)


def _curators(rules: Rules, scope: str) -> Block:
    element: Block = {"type": "multi_users_select", "action_id": "curators"}
    if rules.curators:
        element["initial_users"] = sorted(rules.curators)
    return blocks.input_block(
        "Curators", element, _block_id("curators", scope), optional=True,
        hint="Their ✅ approves. Workspace admins are curators anyway.",
    )  # fmt: skip


def _reactions(name: str, value: tuple[str, ...] | None, scope: str) -> Block:
    return blocks.plain_input(
        _REACTIONS[name], name, _block_id(name, scope), initial=" ".join(value or ()),
        max_length=300, hint="Names of emoji, with spaces between.",
    )  # fmt: skip


def _switches(rules: Rules, scope: str) -> Block:
    options = {name: blocks.option(text, name, hint) for name, (text, hint) in _SWITCHES.items()}
    on = [option for name, option in options.items() if getattr(rules, name)]
    return blocks.checkboxes(
        "Votes", "switches", list(options.values()), _block_id("switches", scope), initial=on,
        optional=True,
    )  # fmt: skip


def _block_id(name: str, scope: str) -> str:
    """Other ids for another scope: Slack keeps what is typed in blocks whose id stays."""
    return f"{name}:{scope}"


def _read_number(name: str, typed: str | None) -> tuple[int, str]:
    low, high = LIMITS[name]
    number = int(typed) if typed and typed.strip().isascii() and typed.strip().isdigit() else -1
    return number, "" if low <= number <= high else f"Please write a number from {low} to {high}."


def _read_reactions(typed: str) -> tuple[tuple[str, ...], str]:
    words = typed.replace(",", " ").replace("::", ": :").split()
    names = tuple(dict.fromkeys(word.strip(":").partition("::")[0] for word in words))
    if not names or len(names) > _MAX_REACTIONS:
        return names, f"Please write one to {_MAX_REACTIONS} names of emoji."
    wrong = next((name for name in names if not _REACTION.match(name)), None)
    return names, f"{wrong[:40]} is not a name like `white_check_mark`." if wrong else ""


def _emoji(names: tuple[str, ...] | None) -> str:
    return " ".join(f":{name}:" for name in names or ())


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
