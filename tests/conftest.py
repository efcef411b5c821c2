"""For all tests: what changes is in the audit, and the longest story begins first."""

from collections.abc import Iterator

import pytest

from tests import audited

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
