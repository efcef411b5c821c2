"""
For all tests: what comes first, what processes that tests start find made already, and that what
changes is in the audit.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from storage.database import Database
from tests import audited, warm_children
from tests.clock import Clock
from tests.teaching import fresh_database

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


# What a process compiles, the next one finds: tests start hundreds of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

#: Files that take longest begin first, so that at the end none is left to one worker alone. The
#: loop's story is for minutes a training, which leaves its worker idle: the others run beside it.
FIRST = (
    "test_loop_story.py",
    "test_who_may_hear_what.py",
    "test_trainer_promise.py",
    "test_several_processes.py",
    "test_trainer_kills.py",
    "test_local.py",
    "test_autotrain.py",
    "test_answer_crashes.py",
    "test_answer_faults.py",
    "test_run_story.py",
)

audited.watch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(FIRST)))


@pytest.fixture(autouse=True)
def everything_is_audited() -> Iterator[None]:
    """Whatever our code changed in this test, it told the audit of in the same transaction."""
    yield
    missed, audited.missed[:] = [*audited.missed], []
    assert not missed, "changed without an entry in the audit:\n" + "\n".join(missed)


@pytest.fixture(scope="session", autouse=True)
def _warm_children() -> None:
    warm_children.use()


@pytest.fixture
def cold_children() -> Iterator[None]:
    """Training children of this test are started as the bot starts them."""
    warm_children.use_none()
    yield
    warm_children.use()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Empty, and at the newest schema."""
    database = fresh_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()
