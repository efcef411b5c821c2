"""Who may use the service: API keys, compared in constant time, and whose things are whose."""

import hashlib
import hmac
from collections.abc import Mapping

from bot.errors import SettingsError
from bot.trainer_service.errors import ApiError

SHORTEST_KEY = 16


def read_keys(setting: str) -> dict[str, str]:
    """
    Read ``key`` or ``team=key``, separated by commas; return owners by key.

    Keys of one team share its files, jobs and models, so that a key can be replaced.

    Raises:
        SettingsError: there is no key, or one that could be guessed.
    """
    owners: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in setting.split(","))):
        team, has_team, key = part.partition("=")
        if not has_team:
            team, key = f"key-{hashlib.sha256(part.encode()).hexdigest()[:8]}", part
        if len(key) < SHORTEST_KEY:
            raise SettingsError(
                f"A key in APPRENTICE_TRAINER_KEYS is shorter than {SHORTEST_KEY} characters. "
                "Make one with `openssl rand -hex 24`."
            )
        owners[key] = team
    if not owners:
        raise SettingsError(
            "APPRENTICE_TRAINER_KEYS is not set. Put the keys that may train here, separated by "
            "commas; `openssl rand -hex 24` makes one."
        )
    return owners


def owner_of(keys: Mapping[str, str], authorization: str, api_key: str) -> str:
    """
    Return whose request this is; Azure's clients send ``api-key``.

    Raises:
        ApiError: 401.
    """
    scheme, _, token = authorization.partition(" ")
    given = (token if scheme.lower() == "bearer" else api_key).strip().encode()
    found = [
        owner for key, owner in keys.items() if hmac.compare_digest(key.encode(), given)
    ]  # all of them, so that the time tells nothing
    if not found:
        raise ApiError(
            401, "Incorrect API key provided. Check the key and its server.", code="invalid_api_key"
        )
    return found[0]
