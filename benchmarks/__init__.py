"""The figures of docs/benchmarks.md: ``make bench`` measures them, tests never do."""
