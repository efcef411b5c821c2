"""Strategies measured on the same held-out questions, and the rule that judges them."""
