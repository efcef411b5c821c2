"""What every route is given: the desk, the quotas, and whose request it is."""

from typing import Annotated

from fastapi import Depends, Request

from bot.trainer_service.desk import Desk
from bot.trainer_service.keys import owner_of
from bot.trainer_service.quotas import Quotas


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _quotas(request: Request) -> Quotas:
    quotas: Quotas = request.app.state.quotas
    return quotas


def _owner(request: Request) -> str:
    headers = request.headers
    owner = owner_of(
        request.app.state.keys, headers.get("authorization", ""), headers.get("api-key", "")
    )
    request.app.state.rates.count(owner)
    return owner


DeskOf = Annotated[Desk, Depends(_desk)]
QuotasOf = Annotated[Quotas, Depends(_quotas)]
Owner = Annotated[str, Depends(_owner)]
