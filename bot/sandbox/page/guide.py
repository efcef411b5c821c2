"""The first five minutes: five steps that tick themselves off from what really happened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from htpy import Node, button, div, fragment, h2, header, li, ol, p, progress, span, strong

from bot.sandbox.changes import Change, ChangeKind
from bot.sandbox.messages import Message
from bot.sandbox.page.icons import icon
from bot.sandbox.people import BOT_USER_ID
from bot.sandbox.workspace import Workspace

QUESTION = "@Apprentice how do I get access to the staging database?"
TO_A_COLLEAGUE = "Does anybody know where I can print a label for a parcel?"
ANSWER = (
    "In room 2.07, next to the kitchen. Plug the label printer into your laptop; "
    "the rolls are in the drawer below it."
)
AGAIN = "@Apprentice who lets me into the staging db?"
GOOD = "white_check_mark"
#: The buttons of a run's card: while it is under way, when it is judged, until somebody decides.
UNDER_WAY, JUDGED, DECISIONS = "cancel", "report", {"promote", "hold"}


@dataclass(frozen=True)
class Step:
    """One step: what to do, why, and the button that prepares it for you."""

    key: str
    words: str
    why: str
    actor: str = ""
    button: str = ""


STEPS = (
    Step("ask", "Ask as Carol in #help",
         "Mention @Apprentice. The answer is written into the thread and says what it is based on.",
         "U0CAROL", "Write it for me"),
    Step("mark", "Mark a good answer with ✅ as Bob",
         "Carol asks her colleagues, Alice answers in the thread. "
         "Bob is a curator: his ✅ keeps the answer.", "U0BOB", "Ask as Carol"),
    Step("train", "Start training as Alice",
         "She is an owner, so she may type /apprentice train, and state what may be trained on.",
         "U0ALICE", "Write it for me"),
    Step("watch", "Watch it learn, and promote it",
         "Progress, loss and the verdict appear where training was started. "
         "Then press Promote on its card, if it has earned it."),
    Step("again", "Ask again in other words",
         "The tuned version answers, and says which version spoke.", "U0CAROL", "Write it for me"),
)  # fmt: skip


@dataclass
class Progress:
    """What happened so far, read from the workspace's messages and commands as they come."""

    workspace: Workspace
    done: set[str] = field(default_factory=set)
    unanswered: tuple[str, str] | None = None
    answer: tuple[str, str] | None = None
    run: tuple[str, str] | None = None
    verdict: tuple[str, str] | None = None
    _old: set[tuple[str, str]] = field(default_factory=set)

    def read_all(self) -> None:
        """Look at everything there is; marks from before anybody came are not the guide's."""
        for messages in self.workspace.messages.values():
            for message in messages.values():
                if not self._is_of_the_guide(message):
                    self._old.add((message.channel, message.ts))
                self._see(message)

    def notice(self, change: Change) -> None:
        """Look at what changed."""
        if change.kind is ChangeKind.MESSAGE and change.channel:
            message = self.workspace.messages.get(change.channel, {}).get(change.key)
            if message is not None:
                self._see(message)

    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step in STEPS if step.key not in self.done), None)

    def marking(self) -> tuple[str, str]:
        """What the second step asks for now: an act of `guide_acts`, and its button's words."""
        if self.answer:
            return "bob", "Act as Bob"
        return ("answer", "Answer as Alice") if self.unanswered else ("mark", "Ask as Carol")

    def _see(self, message: Message) -> None:
        where = (message.channel, message.ts)
        if message.user == BOT_USER_ID and not message.is_streaming:
            self._see_app(message, where)
        elif message.client_msg_id and message.text == TO_A_COLLEAGUE:
            self.unanswered = where
        elif message.client_msg_id and self.unanswered == (message.channel, message.thread_ts):
            self.answer = where
        marked = message.reaction(GOOD)
        if marked and where not in self._old and any(user != BOT_USER_ID for user in marked.users):
            self.done.add("mark")

    def _is_of_the_guide(self, message: Message) -> bool:
        root = self.workspace.messages[message.channel].get(message.thread_ts or message.ts)
        return root is not None and (
            root.text == TO_A_COLLEAGUE or f"<@{BOT_USER_ID}>" in root.text
        )

    def _see_app(self, message: Message, where: tuple[str, str]) -> None:
        root = self.workspace.messages[message.channel].get(message.thread_ts or "")
        asked = root is not None and f"<@{BOT_USER_ID}>" in root.text
        actions = set(_actions(message.blocks))
        if UNDER_WAY in actions:
            self.done.add("train")
            self.run = where
        if JUDGED in actions:
            self.done |= {"train"} if actions & DECISIONS else {"train", "watch"}
            self.verdict = where
        if asked and root is not None:
            self.done.add("ask")
            if "watch" in self.done and self.verdict and root.ts > self.verdict[1]:
                self.done.add("again")


def _actions(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        inside: list[Mapping[str, Any]] = list(block.get("elements") or ())
        yield from (str(each.get("action_id")) for each in inside)


def count(progress_now: Progress) -> str:
    """How far one is, such as `2/5`."""
    return f"{len(progress_now.done)}/{len(STEPS)}"


def render(now: Progress) -> Node:
    """The whole panel."""
    current, total = now.next(), len(STEPS)
    return fragment[
        header(".bar")[
            div(".place-words")[h2["Your first five minutes"]],
            button(
                ".tool", type="button", data_act="guide_close", aria_label="Put the guide away",
                data_testid="guide-close",
            )[icon("close", 20)],
        ],
        div(".guide-body")[
            p(".guide-intro")["Watch a bot learn from its team. Everything here is real, "
                              "and nothing leaves this machine."],
            progress(max=str(total), value=str(len(now.done)), aria_label="Steps done"),
            ol[(_step(number, step, now, step is current)
                for number, step in enumerate(STEPS, 1))],
            None if current else p(".guide-end")["That is the loop. Now teach it your answers."],
        ],
    ]  # fmt: skip


def _step(number: int, step: Step, now: Progress, is_current: bool) -> Node:
    is_done = step.key in now.done
    tone = ".done" if is_done else ".current" if is_current else ""
    return li(f".step{tone}", data_testid=f"guide-step-{number}", data_done=str(is_done).lower())[
        span(".step-mark")[icon("check", 14) if is_done else str(number)],
        div[
            strong[step.words, span(".visually-hidden")[", done"] if is_done else None],
            p[step.why],
            None if is_done else _button(number, step, now),
        ],
    ]


def _button(number: int, step: Step, now: Progress) -> Node:
    do, words = _offer(step, now)
    if not words:
        return None
    return button(
        ".button.small.primary", type="button", data_act="guide_do", data_do=do,
        data_testid=f"guide-do-{number}",
    )[words]  # fmt: skip


def _offer(step: Step, now: Progress) -> tuple[str, str]:
    if step.key == "mark":
        return now.marking()
    if step.key == "watch":
        return "run", "Show the result" if now.verdict else "Show the run" if now.run else ""
    return step.key, step.button


def next_step(now: Progress) -> Node:
    """One line with the next step, where the panel has no room."""
    step = now.next()
    if step is None:
        return None
    number = STEPS.index(step) + 1
    do, words = _offer(step, now)
    act = button(
        ".button.small.primary", type="button", data_act="guide_do", data_do=do,
        data_testid="next-do",
    )[words]  # fmt: skip
    return fragment[
        span(".next-count")[f"{number}/{len(STEPS)}"],
        span(".next-words")[step.words],
        act if words else None,
        button(".tool", type="button", data_act="guide_close", aria_label="Put the guide away")[
            icon("close", 16)
        ],
    ]
