"""What can go wrong with the sentence model. Nothing of it ever ends an answer."""

from bot.errors import BotError


class SentenceModelError(BotError):
    """Raised when texts cannot be turned into vectors now; everything goes on by words alone."""
