"""``trainer``: a fine-tuning service that speaks OpenAI's wire."""

from datetime import datetime
from typing import Annotated

import typer

from bot.cli.options import settings_of

PortOption = Annotated[int, typer.Option(help="Port of the service.", min=1, max=65535)]


def register(cli: typer.Typer) -> None:
    cli.command()(trainer)


def trainer(
    context: typer.Context,
    port: PortOption = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    jobs_a_day: Annotated[int, typer.Option(help="Jobs a key may create a day; 0: any.")] = 0,
    shutdown_date: Annotated[
        datetime | None,
        typer.Option(help="The day this service ends; clients are told.", formats=["%Y-%m-%d"]),
    ] = None,
    stored_mb: Annotated[int, typer.Option(help="Megabytes of files a key may keep; 0: any.")] = 0,
) -> None:
    """Serve files, fine-tuning jobs and chat under /v1, for any OpenAI client."""
    from bot.app import start_logging
    from bot.trainer_service.run import run_service

    settings = settings_of(context)
    start_logging(settings.log_level)
    run_service(
        settings,
        host=host,
        port=port,
        jobs_a_day=jobs_a_day,
        stored_bytes=stored_mb * 1024**2,
        shutdown_date=shutdown_date.date() if shutdown_date else None,
    )
