"""For all tests: the longest story begins first, so that the others run beside it."""

import pytest

FIRST = "test_loop_story.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != FIRST)
