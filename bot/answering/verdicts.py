"""A verdict in one line, for everybody who shows one. Pure."""

from storage.tables import Verdict

_HEADLINES = {
    Verdict.PROMOTE: "✅ {version} earned its promotion",
    Verdict.HOLD: "⏸️ {version}: not enough evidence yet",
    Verdict.REJECT: "❌ {version} is worse than what is there",
    Verdict.DO_NOT_TUNE: "💡 {version}: prompting alone is as good",
}


def headline_of(verdict: Verdict, version_name: str) -> str:
    return _HEADLINES[verdict].format(version=version_name)
