"""Apprentice: a Slack bot that learns from its team."""
