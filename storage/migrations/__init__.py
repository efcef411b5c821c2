"""Schema changes, in order; applied at every start."""
