"""A running sandbox per module, a fresh database and a scripted engine per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests.running_sandbox import RunningSandbox, running_sandbox
from tests.scripted_engine import ScriptedEngine, scripted_engine
from tests.teaching import fresh_database


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
def database(tmp_path: Path) -> Iterator[Database]:
    database = fresh_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    with scripted_engine() as script:
        yield script
