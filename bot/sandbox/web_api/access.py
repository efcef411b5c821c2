"""Who calls: tokens, and the scopes they grant."""

from dataclasses import dataclass

from starlette.requests import Request

from bot.sandbox.errors import SlackError
from bot.sandbox.people import BOT_USER_ID
from bot.sandbox.web_api.arguments import Arguments
from bot.sandbox.workspace import Workspace

BOT_TOKEN_PREFIX = "xoxb-sandbox"
APP_TOKEN_PREFIX = "xapp-sandbox"
USER_TOKEN_PREFIX = "xoxp-"


@dataclass(frozen=True, slots=True)
class Caller:
    """The account a token acts as. People hold every scope; the app those of its manifest."""

    user: str
    is_app: bool
    scopes: frozenset[str] | None
    is_app_level: bool = False

    def check_scope(self, accepted: tuple[str, ...]) -> None:
        """Pass with any one of the scopes. Raises: SlackError `missing_scope`."""
        if not accepted or self.scopes is None or self.scopes & set(accepted):
            return
        raise SlackError(
            "missing_scope", needed=",".join(accepted), provided=",".join(sorted(self.scopes))
        )


def caller_of(request: Request, arguments: Arguments, workspace: Workspace) -> Caller:
    """Raises: SlackError `not_authed`, `invalid_auth`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = arguments.text("token") or ""
    if not token:
        raise SlackError("not_authed")
    if token.startswith(BOT_TOKEN_PREFIX):
        return Caller(BOT_USER_ID, is_app=True, scopes=workspace.manifest.scopes)
    if token.startswith(APP_TOKEN_PREFIX):
        scopes = frozenset({"connections:write"})
        return Caller(BOT_USER_ID, is_app=True, scopes=scopes, is_app_level=True)
    user = workspace.users.get(token.removeprefix(USER_TOKEN_PREFIX))
    if not token.startswith(USER_TOKEN_PREFIX) or user is None or user.is_bot:
        raise SlackError("invalid_auth")
    if user.deleted:
        raise SlackError("account_inactive")
    return Caller(user.id, is_app=False, scopes=None)
