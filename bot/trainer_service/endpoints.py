"""``/v1/webhook_endpoints``: who is told when a job ends."""

from typing import Any

from fastapi import APIRouter

from bot.trainer_service import webhooks
from bot.trainer_service.access import DeskOf, Owner
from bot.trainer_service.errors import invalid, missing
from bot.trainer_service.store import Row, page
from bot.trainer_service.wire import WebhookRequest

router = APIRouter(prefix="/webhook_endpoints", tags=["webhooks"])


@router.post("")
def create(desk: DeskOf, owner: Owner, wanted: WebhookRequest) -> dict[str, Any]:
    """Register an address; its signing secret is shown this once."""
    if not webhooks.is_address(wanted.url):
        raise invalid("That is no address that can be posted to.", param="url")
    row = webhooks.new_endpoint(wanted.name, wanted.url, list(wanted.event_types))
    return desk.store.add("endpoint", owner, row)


@router.get("")
def list_endpoints(desk: DeskOf, owner: Owner) -> dict[str, Any]:
    rows = [_shown(row) for row in desk.store.find("endpoint", owner)[::-1]]
    return page(rows, after=None, limit=100)


@router.get("/{endpoint_id}")
def retrieve(desk: DeskOf, owner: Owner, endpoint_id: str) -> dict[str, Any]:
    found = desk.store.get("endpoint", owner, endpoint_id)
    if found is None:
        raise missing("Webhook endpoint", endpoint_id)
    return _shown(found)


@router.delete("/{endpoint_id}")
def delete(desk: DeskOf, owner: Owner, endpoint_id: str) -> dict[str, Any]:
    retrieve(desk, owner, endpoint_id)
    desk.store.delete("endpoint", "id = ?", (endpoint_id,))
    return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}


def _shown(row: Row) -> Row:
    hint = f"whsec_…{row['signing_secret'][-4:]}"
    rest = {name: value for name, value in row.items() if name != "signing_secret"}
    return rest | {"signing_secret_hint": hint}
