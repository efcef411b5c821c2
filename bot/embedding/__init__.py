"""Examples by what they mean: a small sentence model in a child of its own, and its vectors."""
