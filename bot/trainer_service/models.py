"""``/v1/models``: the base first, then the owner's tuned models."""

from typing import Any

from fastapi import APIRouter

from bot.trainer_service.access import DeskOf, Owner
from bot.trainer_service.desk import Desk, delete_model, shown
from bot.trainer_service.errors import ApiError
from bot.trainer_service.store import Row

router = APIRouter(prefix="/models", tags=["models"])


@router.get("")
def list_models(desk: DeskOf, owner: Owner) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [base_model(desk), *(_ending(desk, _model(row)) for row in _of(desk, owner))],
    }


@router.get("/{model:path}")
def retrieve(desk: DeskOf, owner: Owner, model: str) -> dict[str, Any]:
    if model == desk.base.name:
        return base_model(desk)
    for row in _of(desk, owner):
        if row["id"] == model:
            return _ending(desk, _model(row))
    raise ApiError(
        404, f"The model '{model}' does not exist.", code="model_not_found", param="model"
    )


@router.delete("/{model:path}")
def delete(desk: DeskOf, owner: Owner, model: str) -> dict[str, Any]:
    """Stop serving a tuned model and delete its adapter."""
    if model == desk.base.name:
        raise ApiError(403, "The base model cannot be deleted.", param="model")
    return delete_model(desk, owner, model)


def base_model(desk: Desk) -> Row:
    row = {"id": desk.base.name, "object": "model", "created": 0, "owned_by": "apprentice"}
    return _ending(desk, row)


def _ending(desk: Desk, row: Row) -> Row:
    """With the day the service ends, as OpenAI names it."""
    ends = desk.shutdown_date
    return row | ({"shutdown_date": ends.isoformat()} if ends else {})


def _of(desk: Desk, owner: str) -> list[Row]:
    return desk.store.find("model", owner)


def _model(row: Row) -> Row:
    known = shown(row)
    known.pop("created_at")
    return known
