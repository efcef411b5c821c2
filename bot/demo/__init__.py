"""The demo: sandbox and bot as children of one small supervisor, on this machine alone."""

from bot.demo.supervisor import run_demo

__all__ = ["run_demo"]
