"""
``/apprentice <word> …``: finds the function of a word, tells people what there is.

Every subcommand is a function ``(ask, deps, client) -> Reply | None``; None means that it opened
a modal. Refuses slow work: a command holds a trigger that lives three seconds.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.errors import BotError
from handlers import blocks
from handlers.blocks import Block
from handlers.commands.add import add
from handlers.commands.advise import advise
from handlers.commands.budget import budget
from handlers.commands.canary import canary
from handlers.commands.examples import list_examples
from handlers.commands.export import export
from handlers.commands.forget_me import forget_me
from handlers.commands.migrate import migrate
from handlers.commands.models import models
from handlers.commands.pause import pause, resume
from handlers.commands.pin import pin
from handlers.commands.promote import promote, rollback
from handlers.commands.schedule import schedule
from handlers.commands.status import status
from handlers.commands.train import train
from handlers.deps import Ask, Deps, Payload, Reply
from handlers.review import review
from handlers.settings import show_settings

Subcommand = Callable[[Ask, Deps, WebClient], Reply | None]


@dataclass(frozen=True)
class Word:
    """One subcommand: ``usage`` is what to type, ``does`` one line for help, ``role`` who may."""

    function: Subcommand
    usage: str
    does: str
    role: str | None = None


def subcommands() -> dict[str, Word]:
    """Every word that works, in the order help lists them: the one place to extend."""
    return {
        "help": Word(_help, "help", "this list"),
        "add": Word(add, "add", "teach me a question and its answer"),
        "examples": Word(list_examples, "examples [words]", "what I was taught"),
        "review": Word(review, "review", "what waits for a curator's decision", "curator"),
        "train": Word(train, "train [trainer]", "tune a model on what I was taught", "admin"),
        "migrate": Word(
            migrate, "migrate <trainer>", "train what is live elsewhere, on the same data", "admin"
        ),
        "pause": Word(pause, "pause [run]", "let a run in training rest", "admin"),
        "resume": Word(resume, "resume [run]", "let it go on from where it was", "admin"),
        "schedule": Word(
            schedule, "schedule [when | off]", "when I train by myself; `daily 03:00`", "admin"
        ),
        "budget": Word(budget, "budget", "what training may cost, and what it did", "admin"),
        "status": Word(status, "status", "what answers, what is trained, what waits"),
        "models": Word(models, "models", "the model versions and what they scored"),
        "advise": Word(advise, "advise", "whether tuning pays, with your own figures"),
        "promote": Word(promote, "promote <version>", "let a version answer", "admin"),
        "canary": Word(
            canary, "canary [version] 20%", "try a version on some conversations", "admin"
        ),
        "pin": Word(
            pin, "pin <version>", "what answers in this channel, or `prompting`", "curator"
        ),
        "export": Word(
            export, "export <what> [format]", "a file for you alone: `dataset` or `audit`", "admin"
        ),
        "settings": Word(show_settings, "settings", "who approves, and what counts as a vote"),
        "rollback": Word(rollback, "rollback", "return to what answered before", "admin"),
        "forget-me": Word(forget_me, "forget-me", "erase everything of mine, for good"),
    }


def register(app: App, deps: Deps) -> None:
    app.command("/apprentice")(partial(handle_command, deps=deps))


def handle_command(
    ack: Ack, command: Payload, respond: Respond, client: WebClient, deps: Deps
) -> None:
    ack()
    ask, word = _read(command)
    try:
        reply = find(word)(ask, deps, client)
    except BotError as error:
        reply = Reply(str(error))
    if reply is not None:
        respond(text=reply.text, blocks=list(reply.blocks) or None, response_type="ephemeral")


def find(word: str) -> Subcommand:
    """
    Return the function of a word; no word at all is help.

    Raises:
        BotError: the word is unknown.
    """
    known = subcommands()
    if found := known.get(word.lower() or "help"):
        return found.function
    close = difflib.get_close_matches(word.lower(), known, n=1)
    guess = f"Did you mean `{close[0]}`?" if close else "`/apprentice help` lists what I know."
    # A backtick would end the code style the word is shown in.
    shown = blocks.escape(blocks.cut(word.replace("`", "'"), 40))
    raise BotError(f"I do not know `{shown}`. {guess}")


def _read(command: Payload) -> tuple[Ask, str]:
    word, _, words = (command.get("text") or "").strip().partition(" ")
    ask = Ask(
        team_id=command["team_id"],
        user_id=command["user_id"],
        channel_id=command["channel_id"],
        words=words.strip(),
        trigger_id=command["trigger_id"],
    )
    return ask, word


def _help(ask: Ask, deps: Deps, client: WebClient) -> Reply:
    intro = (
        "*Ask me* by mentioning me in a channel, or write to me directly. *Teach me* by reacting "
        f"with :{deps.good_reaction}: to a good answer, or :{deps.bad_reaction}: to a wrong one."
    )
    return Reply(
        text="What you can ask of me: " + ", ".join(subcommands()),
        blocks=(blocks.section(intro), *map(_words_for, (None, "curator", "admin"))),
    )


def _words_for(role: str | None) -> Block:
    lines = [
        f"• `/apprentice {word.usage}` – {word.does}"
        for word in subcommands().values()
        if word.role == role
    ]
    return blocks.section("\n".join([f"*For {role}s*" if role else "*For everybody*", *lines]))
