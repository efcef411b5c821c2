"""One writer at a time, listeners first."""

import threading

import pytest

from storage.turn import Turn


def test_a_turn_inside_a_turn_is_refused_instead_of_waiting_for_ever():
    turn = Turn()

    with turn.held(), pytest.raises(RuntimeError, match="inside a write"), turn.held():
        pass

    with turn.held():
        pass


def test_listeners_go_before_workers():
    turn, order = Turn(), []

    def write(name, urgent):
        with turn.held(urgent=urgent):
            order.append(name)

    with turn.held(urgent=True):
        workers = [threading.Thread(target=write, args=("worker", False)) for _ in range(5)]
        listeners = [threading.Thread(target=write, args=("listener", True)) for _ in range(5)]
        for thread in [*workers, *listeners]:
            thread.start()
        while turn._urgent < 6:
            pass
    for thread in [*workers, *listeners]:
        thread.join()

    assert order == ["listener"] * 5 + ["worker"] * 5


def test_an_error_gives_the_turn_back():
    turn = Turn()

    with pytest.raises(ValueError, match="half way"), turn.held(urgent=True):
        raise ValueError("half way")

    with turn.held():
        pass
