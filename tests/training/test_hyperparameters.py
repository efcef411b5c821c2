"""What "auto" becomes, and when a run has learned enough."""

import pytest

from bot.training.hyperparameters import LEARNING_RATE, Hyperparameters
from bot.training.stopping import Stopping


@pytest.mark.parametrize(
    ("rows", "tokens", "epochs", "batch", "rank"),
    [
        (1, 30, 16, 4, 16),
        (12, 400, 15, 4, 16),
        (30, 1_000, 6, 4, 16),
        (300, 10_000, 3, 8, 16),
        (10_000, 350_000, 3, 16, 32),
    ],
)
def test_auto_follows_from_rows_and_tokens(rows, tokens, epochs, batch, rank):
    found = Hyperparameters().resolved(rows, tokens)

    assert (found.num_train_epochs, found.batch_size, found.lora_r) == (epochs, batch, rank)
    assert found.lora_alpha == 2 * rank


def test_long_runs_take_smaller_steps():
    rates = [Hyperparameters().resolved(rows, 35 * rows).learning_rate for rows in (30, 10_000)]

    assert rates == [LEARNING_RATE, LEARNING_RATE / 2]


def test_what_was_asked_for_stays():
    asked = Hyperparameters(
        lora_r=8, lora_alpha=8, learning_rate=1e-4, batch_size=2, num_train_epochs=5
    )
    found = asked.resolved(1_000, 40_000)

    assert (found.lora_r, found.lora_alpha, found.learning_rate) == (8, 8, 1e-4)
    assert (found.batch_size, found.num_train_epochs, found.until_learned) == (2, 5, False)


def test_a_multiplier_is_of_our_own_rate_and_used_once():
    found = Hyperparameters(learning_rate_multiplier=0.5).resolved(30, 1_000)

    assert found.learning_rate == LEARNING_RATE / 2
    assert found.resolved(30, 1_000) == found


def losses(*values: float) -> list[dict[str, float]]:
    return [{"loss": value} for value in values]


def test_a_run_ends_once_every_row_was_seen_and_nothing_is_left_to_learn():
    stopping = Stopping(8, True, losses(0.3, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01))

    early = stopping.is_over
    stopping.add({"loss": 0.01})

    assert not early
    assert stopping.is_over
    assert not Stopping(8, False, stopping.steps).is_over
    assert not Stopping(8, True, losses(*[0.01] * 7, 0.3)).is_over


def test_a_run_ends_when_the_validation_split_gets_no_better():
    stopping = Stopping(1, False)
    over = []
    for valid in (2.0, 1.0, 1.5, 1.2):
        stopping.add({"loss": 1.0, "valid_loss": valid})
        over.append(stopping.is_over)

    assert over == [False, False, False, True]
    assert stopping.has_better_epoch
    assert stopping.best_loss == 1.0


def test_without_a_validation_split_the_last_step_is_the_best_there_is():
    stopping = Stopping(1, False, losses(1.0, 0.5))

    assert not stopping.has_better_epoch
    assert stopping.best_loss is None
