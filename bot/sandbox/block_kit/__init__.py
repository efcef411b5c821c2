"""The shapes of Block Kit with Slack's own limits, as pydantic models."""
