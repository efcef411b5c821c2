"""Slack's Web API: one module per family of methods, each method a function of a `Call`."""
