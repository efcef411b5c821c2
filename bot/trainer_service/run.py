"""The service with its real parts: our trainer, our engine, a folder of its own."""

from datetime import date

from filelock import FileLock, Timeout

from bot.engines.base_model import resolve_base_model
from bot.engines.llama_cpp import LlamaCppEngine
from bot.engines.routed import RoutedEngine
from bot.errors import SettingsError
from bot.settings import Settings, plain
from bot.trainer_service.desk import Desk
from bot.trainer_service.keys import read_keys
from bot.trainer_service.quotas import Quotas
from bot.trainer_service.server import make_app, serve
from bot.trainer_service.store import Store
from bot.training.local import LocalTrainer

CONTEXT_TOKENS = 2048


def run_service(
    settings: Settings,
    *,
    host: str,
    port: int,
    jobs_a_day: int = 0,
    stored_bytes: int = 0,
    shutdown_date: date | None = None,
) -> None:
    """
    Serve until SIGINT or SIGTERM.

    Raises:
        SettingsError: no keys, or another service works in the folder.
        BaseModelError: the base cannot be used.
    """
    keys = read_keys(plain(settings.apprentice_trainer_keys))
    home = (settings.apprentice_home / "trainer").resolve()
    home.mkdir(parents=True, exist_ok=True)
    models_dir = settings.apprentice_home.resolve() / "models"
    base = resolve_base_model(settings.base_model, models_dir)
    engine = LlamaCppEngine(
        base.gguf_path,
        slots=settings.answers_at_once,
        context_per_slot=CONTEXT_TOKENS,
        threads=settings.engine_threads,
    )
    lock = FileLock(home / "service.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SettingsError(
            f"Another trainer works in {home}. Stop it, or set APPRENTICE_HOME to another folder."
        ) from None
    with lock:
        desk = Desk(
            store=Store(home / "service.db"),
            home=home,
            engine=RoutedEngine(engine),
            base=base,
            make_trainer=lambda folder, options: LocalTrainer(
                folder, models_dir, options, accelerate_config=settings.accelerate_config
            ),
            context_tokens=CONTEXT_TOKENS,
            shutdown_date=shutdown_date,
        )
        quotas = Quotas(jobs_a_day=jobs_a_day, stored_bytes=stored_bytes)
        serve(make_app(desk, keys, quotas), host, port)
