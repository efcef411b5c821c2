"""Where an example may be moved. Pure."""

from bot.errors import AlreadyDecidedError, NotAMemberError
from storage.audience import Viewer
from storage.tables import Example


def check_may_move(viewer: Viewer, example: Example, audience: str) -> None:
    """
    Raises:
        NotAMemberError: the reviewer is not in the channel it would be for, or nobody knows it.
        AlreadyDecidedError: it is for them already.
    """
    if audience not in viewer.audiences:
        raise NotAMemberError
    if audience == example.audience:
        raise AlreadyDecidedError
