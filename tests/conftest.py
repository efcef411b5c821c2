"""For all tests: the longest story begins first, so that the others run beside it."""

import pytest
from hypothesis import HealthCheck, settings

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

FIRST = "test_loop_story.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != FIRST)
