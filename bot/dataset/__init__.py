"""What is trained on and what is held out: snapshots, splits, checks, training rights."""
