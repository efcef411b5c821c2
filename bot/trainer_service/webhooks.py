"""
Telling others that a job ended: signed as ``client.webhooks.unwrap`` verifies it.

A delivery is a row; it is tried again with growing pauses for a day, also after a restart.
"""

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time

import httpx2

from bot.trainer_service.store import Row, Store, new_id, now

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0
#: Pauses before the second, third … attempt.
PAUSES_SECONDS = (5, 30, 120, 600, 3600, 6 * 3600, 16 * 3600)


def is_address(url: str) -> bool:
    """Whether something can be sent there at all."""
    try:
        parts = httpx2.URL(url)
        host = parts.host.encode("idna")
    except (httpx2.InvalidURL, ValueError):
        return False
    return bool(host) and b"%" not in host and (parts.port or 443) < 65536


def new_endpoint(name: str, url: str, event_types: list[str]) -> Row:
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    return {
        "id": new_id("we_"),
        "object": "webhook_endpoint",
        "created_at": now(),
        "name": name,
        "url": url,
        "event_types": event_types,
        "signing_secret": secret,
    }


def announce(store: Store, owner: str, event_type: str, job_id: str) -> None:
    """Insert one delivery for each endpoint that listens to this event."""
    for endpoint in store.find("endpoint", owner):
        if event_type in endpoint["event_types"]:
            event = {
                "id": new_id("evt_"),
                "object": "event",
                "created_at": now(),
                "type": event_type,
                "data": {"id": job_id},
            }
            body = {"endpoint": endpoint["id"], "attempts": 0, "event": event}
            row = {"id": event["id"], "created_at": event["created_at"], **body}
            store.add("delivery", owner, row, due_at=time.time())


def signed_headers(secret: str, event_id: str, timestamp: int, payload: str) -> dict[str, str]:
    """Return the headers of the Standard Webhooks specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{event_id}.{timestamp}.{payload}".encode()
    signature = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def deliver_due(store: Store) -> None:
    """Try every delivery whose time has come, once."""
    for delivery in store.find("delivery", None, "due_at <= ?", (time.time(),)):
        endpoint = store.get("endpoint", None, delivery["endpoint"])
        if endpoint is None or _deliver(endpoint, delivery["event"]):
            store.delete("delivery", "id = ?", (delivery["id"],))
            continue
        attempts = delivery["attempts"]
        if attempts >= len(PAUSES_SECONDS):
            log.warning("Webhook %s to %s is given up", delivery["id"], endpoint["id"])
            store.delete("delivery", "id = ?", (delivery["id"],))
            continue
        delivery["attempts"] = attempts + 1
        store.change("delivery", delivery, due_at=time.time() + PAUSES_SECONDS[attempts])


def _deliver(endpoint: Row, event: Row) -> bool:
    payload = json.dumps(event)
    headers = signed_headers(endpoint["signing_secret"], event["id"], now(), payload)
    try:
        answer = httpx2.post(
            endpoint["url"], content=payload.encode(), headers=headers, timeout=TIMEOUT_SECONDS
        )
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OverflowError):
        # All but the first are of an address that nothing can be sent to, however it got here.
        return False
    return answer.is_success
