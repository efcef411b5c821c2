"""A running sandbox per module; an engine, a bot and an office of forgetting per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests.answering_bot import AnsweringBot, answering_bot
from tests.capture_desk import Desk
from tests.forgetting_office import Office
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.scripted_engine import ScriptedEngine, scripted_engine


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(no_limits=True, ack_seconds=1.0, retry_seconds=(0, 0.3)) as running:
        yield running


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[RunningSandbox]:
    """For tests that look only at threads of their own."""
    with running_sandbox(no_limits=True, ack_seconds=1.0, retry_seconds=(0, 0.3)) as running:
        yield running


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    with scripted_engine() as script:
        yield script


@pytest.fixture
def bot(
    sandbox: RunningSandbox, database: Database, engine: ScriptedEngine
) -> Iterator[AnsweringBot]:
    with answering_bot(sandbox.api_url, database, engine.engine()) as running:
        sandbox.wait_until_connected()
        yield running


@pytest.fixture
def office(sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Office]:
    desk = Desk.open(sandbox, tmp_path / "apprentice.db")
    yield Office(desk, tmp_path)
    desk.database.close()
