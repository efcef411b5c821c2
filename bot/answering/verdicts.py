"""A verdict in one line, and what its table does not show, for everybody who does. Pure."""

from storage.tables import Evaluation, Verdict

_HEADLINES = {
    Verdict.PROMOTE: "✅ {version} earned its promotion",
    Verdict.HOLD: "⏸️ {version}: not enough evidence yet",
    Verdict.REJECT: "❌ {version} is worse than what is there",
    Verdict.DO_NOT_TUNE: "💡 {version}: prompting alone is as good",
}


def headline_of(verdict: Verdict, version_name: str) -> str:
    return _HEADLINES[verdict].format(version=version_name)


def similarity_words(evaluation: Evaluation) -> str:
    """What similarity means, or why it is missing; nothing where nobody asked for it."""
    if problem := evaluation.evidence.get("similarity"):
        return f"Semantic similarity was not measured: {problem}."
    if any("similarity" in line for line in evaluation.strategies):
        return "Similarity is the sentence model's: 1 means the same, whatever the words."
    return ""
