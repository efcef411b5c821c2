"""
For all tests: what comes first, what processes that tests start find made already, and that what
changes is in the audit.
"""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import audited, warm_children

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


# What a process compiles, the next one finds: tests start hundreds of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

#: The longest story begins first, so that the others run beside it.
FIRST = "test_loop_story.py"

audited.watch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != FIRST)


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
