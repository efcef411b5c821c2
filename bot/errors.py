"""
Everything a person may be told went wrong, as one tree.

BotError
├── SettingsError             a setting is missing or wrong
├── DatabaseInUseError        a second bot on one database
├── NewerDatabaseError        a database that a newer version of Apprentice has changed
├── BackupError               a backup that cannot be written or restored
├── NotAllowedError           a role is needed that the person does not have
├── NotFoundError             what was named does not exist
│   └── NoSuchTrainerError    a trainer nobody knows, or one that lacks its settings
├── EditedMeanwhileError      somebody else changed an example that was open in a form
├── NotEarnedError            a promotion the evaluation does not support
│   └── UnprovenError         nobody knows whether it is served as it was trained
├── AlreadyLiveError          a promotion of what answers already
├── MovedMeanwhileError       somebody else promoted or rolled back in the same moment
├── CanaryError               a canary that cannot be started or ended
├── NothingToRollBackError    a rollback where nothing was promoted
├── WrongPlaceError           a run whose card could not be shown there
├── WrongPlaceToPinError      a pin for what is no channel of ours
├── AttestationMissingError   training without an attestation
├── CannotMoveError           a version that cannot be trained elsewhere
├── CannotPauseError          a run whose trainer cannot let its job rest
├── UnclearScheduleError      a schedule nobody can read
├── CaptureError              a message cannot be kept as an example
│   ├── MessageGoneError      the message was deleted
│   ├── NotInChannelError     the bot was not invited
│   ├── NoWordsError          there is no text in it
│   ├── NoQuestionError       nothing before it that it could answer
│   ├── IsTheQuestionError    the question was marked, not the answer
│   ├── TagsError             more or longer tags than an example may have
│   ├── TooLongError          more text than an example may have
│   ├── NotCollectedError     people or places whose words are never kept
│   ├── MayNotTeachError      somebody from outside wants to teach
│   └── StillAnsweringError   the bot's answer was marked before it was whole
├── ReviewError               a reviewer's decision that cannot be carried out
│   ├── AlreadyDecidedError   somebody was faster, or it was done before
│   ├── ChangedSinceError     too much happened since to take it back
│   ├── NotYourDecisionError  only who decided can take it back
│   ├── DifferentAudienceError  a merge of what is not for the same people
│   └── NotAMemberError       somebody wants to move an example to a channel they are not in
├── EngineError               see bot/engines
└── TrainingError             see bot/training

Messages are sentences for people and say what to do. Foreign exceptions are never shown.
"""

from collections.abc import Iterable


class BotError(Exception):
    """The base of what a user may read: ``str(error)`` is a sentence that helps."""


class SettingsError(BotError):
    """Raised when a setting stops the start; names the variable."""


class DatabaseInUseError(BotError):
    """Raised when another process works on the same database."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"Another Apprentice is already running on {path}. Stop it first, or give this one "
            "its own folder with APPRENTICE_HOME."
        )


class NewerDatabaseError(BotError):
    """Raised when the database has a schema that this version does not know; it is left alone."""

    def __init__(self) -> None:
        super().__init__(
            "This database was last used by a newer version of Apprentice. Start that version, or "
            "name another folder with APPRENTICE_HOME. Nothing was changed."
        )


class BackupError(BotError):
    """Raised when a backup cannot be written or restored; nothing has changed then."""


class NotAllowedError(BotError):
    """Raised when a person lacks the role for what they asked."""

    def __init__(self, role: str, action: str) -> None:
        super().__init__(f"Only {role}s can {action}. Ask one of them, or ask to become one.")
        self.role = role


class NotFoundError(BotError):
    """Raised when what a person named does not exist, or not for them."""


class EditedMeanwhileError(BotError):
    """Raised when an example was changed after the form that changes it was opened."""

    def __init__(self, revision: int, example_id: int | None = None) -> None:
        super().__init__(
            "Somebody else changed this example while you had it open. Compare both versions, "
            "then save again."
        )
        self.example_id = example_id
        self.revision = revision


#: What each trainer needs before it can be named.
TRAINER_SETTINGS = {
    "openai": "OPENAI_API_KEY",
    "azure": "AZURE_API_KEY and AZURE_ENDPOINT",
    "nebius": "NEBIUS_API_KEY",
    "together": "TOGETHER_API_KEY",
}


class NoSuchTrainerError(NotFoundError):
    """Raised for a trainer this installation does not have; says what would bring it."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        listed = ", ".join(f"`{each}`" for each in sorted(known))
        if name == "trl":
            missing = "The trainer `trl` is not installed: `pip install -r requirements-trl.txt`"
            super().__init__(f"{missing} brings it. Until then there is {listed}.")
        elif name == "autotrain":
            super().__init__(
                "The trainer `autotrain` is not installed: `make setup-autotrain` brings AutoTrain "
                "Advanced in a virtual environment of its own, or AUTOTRAIN_PYTHON names the "
                f"Python of one that has it. Until then there is {listed}."
            )
        elif name in TRAINER_SETTINGS:
            missing = f"The trainer `{name}` is not set up: it needs {TRAINER_SETTINGS[name]} in "
            super().__init__(f"{missing}the bot's settings. Until then there is {listed}.")
        else:
            super().__init__(f"There is no such trainer here. This installation has {listed}.")
        self.name = name


class NotEarnedError(BotError):
    """Raised when a version's evaluation does not support putting it live."""


class UnprovenError(NotEarnedError):
    """Raised where a version lacks nothing but the proof that it is served as it was trained."""

    def __init__(self, version_name: str, why: str) -> None:
        super().__init__(
            f"Nobody can prove that {version_name} is served as it was trained: {why} Its scores "
            "were measured as it is served. If that is enough for you as an admin, say so: "
            f"`/apprentice promote {version_name} unproven` puts it live and keeps who decided it."
        )
        self.version_name = version_name


class AlreadyLiveError(BotError):
    """Raised when the version a person decides on answers already."""

    def __init__(self, version_name: str) -> None:
        super().__init__(
            f"{version_name} is live already. `/apprentice rollback` returns to the one before."
        )
        self.version_name = version_name


class MovedMeanwhileError(BotError):
    """Raised when two people decide at once what answers; one won."""

    def __init__(self, version_name: str, live_name: str | None) -> None:
        super().__init__(
            f"Somebody else decided a moment before you: {live_name or 'the base model'} answers "
            f"now. If you still want {version_name} in its place, promote it again in a few "
            "seconds."
        )


class CanaryError(BotError):
    """Raised when a canary cannot be started or ended; says what to do instead."""


class NothingToRollBackError(BotError):
    """Raised when no promotion is left to take back."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing to roll back: no tuned version is live here. Answers come from the base "
            "model with your examples in its prompt."
        )


class WrongPlaceError(BotError):
    """Raised when a run is asked for where the bot cannot show its progress, or ought not to."""

    def __init__(self) -> None:
        super().__init__(
            "I show a run's progress where it is asked for, and here I can't: I am not a member, "
            "or people from outside are. Invite me, or ask in another channel or directly."
        )


class WrongPlaceToPinError(BotError):
    """Raised when somebody pins a direct message or a channel shared with outsiders."""

    def __init__(self) -> None:
        super().__init__(
            "A pin is for a channel of your own workspace: type it in the channel that it is for."
        )


class AttestationMissingError(BotError):
    """Raised when a run is asked for before an admin attested the right to train."""

    def __init__(self) -> None:
        super().__init__(
            "Nobody has confirmed yet that your organisation may train on this content. "
            "An admin can do so with `/apprentice train`."
        )


class CannotMoveError(BotError):
    """Raised when what is live cannot be trained on another trainer; says what can be done."""


class CannotPauseError(BotError):
    """Raised for a run whose trainer has no pause, or would lose what it did so far."""

    def __init__(self, trainer: str, run_id: int) -> None:
        super().__init__(
            f"Jobs of the trainer `{trainer}` cannot be paused. Let run {run_id} end, or cancel it "
            "on its card and train again later."
        )


class UnclearScheduleError(BotError):
    """Raised for words that are no schedule; says what is wrong, if that is known, and examples."""

    def __init__(self, problem: str = "I can't read that as a schedule.") -> None:
        super().__init__(
            f"{problem} Write for example `/apprentice schedule every friday 18:00`, "
            "`… daily 03:00`, `… cron 0 18 * * 5`, `… after 50 new examples`, or `… off`. "
            "Nothing has changed."
        )


class CaptureError(BotError):
    """The base of why a message cannot be kept as an example; says what to do instead."""


class MessageGoneError(CaptureError):
    """Raised when the message, or the thread it was in, is not there any more."""

    def __init__(self) -> None:
        super().__init__("That message is not there any more, so there is nothing to learn from.")


class NotInChannelError(CaptureError):
    """Raised when the bot cannot read a channel because it is not in it."""

    def __init__(self) -> None:
        super().__init__("I am not in that channel. Invite me with `/invite @Apprentice` first.")


class NoWordsError(CaptureError):
    """Raised when there is no text to learn from."""

    def __init__(self) -> None:
        super().__init__(
            "There are no words in that message, so there is nothing to learn from. To teach "
            "what it means, type question and answer with `/apprentice add`."
        )


class NoQuestionError(CaptureError):
    """Raised when nothing stands before an answer that it could be the answer to."""

    def __init__(self) -> None:
        super().__init__(
            "I can't tell which question that message answers: I look for one at the top of the "
            "message's thread. Choose “Teach this answer” in the message's menu and type the "
            "question, or answer in the question's thread next time."
        )


class IsTheQuestionError(CaptureError):
    """Raised when the first message of a thread was marked, which is what the others answer."""

    def __init__(self) -> None:
        super().__init__(
            "That is the question. Mark the message that answers it, further down in the thread. "
            "Is the answer elsewhere? Use `/apprentice add` to type both."
        )


class TagsError(CaptureError):
    """Raised when tags are too many or too long; the limit of one is in characters."""

    def __init__(self, max_tags: int, max_length: int) -> None:
        super().__init__(
            f"Write at most {max_tags} tags of {max_length} characters each, with commas between."
        )


class TooLongError(CaptureError):
    """Raised when a text exceeds what an example may hold; sizes are in characters."""

    def __init__(self, part: str, length: int, limit: int) -> None:
        super().__init__(
            f"The {part} has {length:,} characters, I can keep {limit:,}. Write a shorter "
            "version with “Teach this answer” in the message's menu, or with `/apprentice add`."
        )
        self.part = part
        self.length = length
        self.limit = limit


class NotCollectedError(CaptureError):
    """Raised for people and places whose words are never kept; composes why."""

    def __init__(self, whose: str) -> None:
        super().__init__(f"I never keep anything from {whose}, so I left that message alone.")
        self.whose = whose


class OptedOutError(NotCollectedError):
    """Raised for the words of somebody who asked that none of theirs are kept."""

    def __init__(self) -> None:
        super().__init__("people who asked me to forget them")


class MayNotTeachError(CaptureError):
    """Raised when a guest or a person of another organisation wants to teach the bot."""

    def __init__(self) -> None:
        super().__init__(
            "Only full members of this workspace can teach me, so I have kept nothing. Ask one of "
            "them to mark the answer."
        )


class StillAnsweringError(CaptureError):
    """Raised when an answer of the bot's is marked while it is being written."""

    def __init__(self) -> None:
        super().__init__("That answer was not finished when you marked it. Please mark it again.")


class ReviewError(BotError):
    """The base of why a reviewer's decision cannot be carried out."""


class AlreadyDecidedError(ReviewError):
    """Raised when there is nothing left to decide."""

    def __init__(self) -> None:
        super().__init__("This was decided already, so nothing changed.")


class ChangedSinceError(ReviewError):
    """Raised when taking a decision back would also take back what happened after it."""

    def __init__(self) -> None:
        super().__init__(
            "Something else was decided about this example since. Undo that first, or decide anew "
            "with `/apprentice review`."
        )


class NotYourDecisionError(ReviewError):
    """Raised when somebody wants to take back what another reviewer decided."""

    def __init__(self) -> None:
        super().__init__(
            "Only who decided can undo it. Find the example with `/apprentice examples` and decide "
            "anew if you think otherwise."
        )


class DifferentAudienceError(ReviewError):
    """Raised when a merge would carry words from one audience to another."""

    def __init__(self) -> None:
        super().__init__(
            "These two are not for the same people, so merging would carry words across. Change "
            "the audience of one first, or keep both."
        )


class NotAMemberError(ReviewError):
    """Raised when an example would go to a channel the reviewer is not in."""

    def __init__(self) -> None:
        super().__init__("You can move an example only to a private channel you are in.")


class EngineError(BotError):
    """The base of what can go wrong while a model answers."""


class TrainingError(BotError):
    """The base of what can go wrong while a model is trained."""
