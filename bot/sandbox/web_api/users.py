"""`users.*`, `bots.*`, `team.*` and `auth.test`: who is who."""

from bot.sandbox.errors import SlackError
from bot.sandbox.limits import Tier
from bot.sandbox.messages import Payload
from bot.sandbox.people import (
    APP_ID,
    BOT_ID,
    BOT_USER_ID,
    OTHER_TEAM_ID,
    SLACKBOT_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    TEAM_NAME,
    User,
)  # fmt: skip
from bot.sandbox.web_api.methods import Call, method
from bot.sandbox.web_api.pages import page_of


def shown_user(user: User) -> Payload:
    """Return Slack's user object."""
    first, _, last = user.real_name.partition(" ")
    profile: Payload = {
        "title": user.title,
        "phone": "",
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "first_name": first,
        "last_name": last,
        "status_text": "",
        "status_emoji": "",
        "avatar_hash": f"g{user.id[2:].lower()}",
        "team": user.team_id,
    }
    if user.id == BOT_USER_ID:
        profile |= {"bot_id": BOT_ID, "api_app_id": APP_ID, "always_active": True}
    body: Payload = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": user.deleted,
        "color": user.color,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": user.updated,
    }
    if user.is_stranger:
        body["is_stranger"] = True
        return body
    return body | {
        "tz": user.tz,
        "tz_label": user.tz_label,
        "tz_offset": user.tz_offset,
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "is_primary_owner": user.is_owner,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "who_can_share_contact_card": "EVERYONE",
        "is_email_confirmed": not user.is_bot,
    }


@method("auth.test", Tier.SPECIAL)
def auth_test(call: Call) -> Payload:
    user = call.workspace.users[call.user]
    body: Payload = {
        "url": f"{call.workspace.base_url}/",
        "team": TEAM_NAME,
        "user": user.name,
        "team_id": TEAM_ID,
        "user_id": user.id,
        "is_enterprise_install": False,
    }
    if call.caller.is_app_level:
        return {"app_name": call.workspace.manifest.name, "app_id": APP_ID}
    return body | ({"bot_id": BOT_ID} if call.caller.is_app else {})


@method("users.info", Tier.FOUR, "users:read")
def users_info(call: Call) -> Payload:
    return {"user": shown_user(call.workspace.user(call.arguments.required("user")))}


@method("users.list", Tier.TWO, "users:read")
def users_list(call: Call) -> Payload:
    members = [u for u in call.workspace.users.values() if not u.is_stranger]
    piece, metadata = page_of(members, call.arguments, 1000)
    return {
        "members": [shown_user(u) for u in piece],
        "cache_ts": int(call.workspace.clock.now()),
        "response_metadata": metadata,
    }


@method("users.profile.get", Tier.FOUR, "users.profile:read")
def users_profile_get(call: Call) -> Payload:
    user = call.workspace.user(call.arguments.text("user") or call.user)
    return {"profile": shown_user(user)["profile"]}


@method("bots.info", Tier.THREE, "users:read")
def bots_info(call: Call) -> Payload:
    bot = call.arguments.required("bot")
    if bot not in (BOT_ID, SLACKBOT_ID):
        raise SlackError("bot_not_found")
    name, user_id = (call.workspace.manifest.name, BOT_USER_ID)
    return {
        "bot": {"id": bot, "deleted": False, "name": name, "updated": 1_760_000_000,
                "app_id": APP_ID, "user_id": user_id, "icons": {}},
    }  # fmt: skip


@method("team.info", Tier.THREE, "team:read")
def team_info(call: Call) -> Payload:
    team = call.arguments.text("team") or TEAM_ID
    if team not in (TEAM_ID, OTHER_TEAM_ID):
        raise SlackError("team_not_found")
    name, domain = (TEAM_NAME, TEAM_DOMAIN) if team == TEAM_ID else ("Fabrikam", "fabrikam")
    shown = {"id": team, "name": name, "domain": domain, "email_domain": "",
             "url": f"{call.workspace.base_url}/", "icon": {"image_default": True}}  # fmt: skip
    return {"team": shown}


@method("emoji.list", Tier.TWO, "emoji:read")
def emoji_list(call: Call) -> Payload:
    return {"emoji": {}, "cache_ts": str(int(call.workspace.clock.now()))}
