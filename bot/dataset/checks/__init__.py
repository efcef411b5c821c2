"""What must hold before anybody trains: findings for people, refusals for the pipeline."""

from bot.dataset.checks.refusing import FEWEST_EXAMPLES, check_not_empty, check_rows

__all__ = ["FEWEST_EXAMPLES", "check_not_empty", "check_rows"]
