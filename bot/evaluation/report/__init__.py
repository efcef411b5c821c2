"""The report of one run: a page that stands alone, asks no server, and can be kept or sent."""

from bot.evaluation.report.content import Asked, Given, Report
from bot.evaluation.report.page import render

__all__ = ["Asked", "Given", "Report", "render"]
