"""A verdict in one line, and what its table does not show, for everybody who does. Pure."""

from bot.answering.parity import IF_PROVEN
from storage.tables import Evaluation, Verdict

_HEADLINES = {
    Verdict.PROMOTE: "✅ {version} earned its promotion",
    Verdict.HOLD: "⏸️ {version}: not enough evidence yet",
    Verdict.REJECT: "❌ {version} is rejected",
    Verdict.DO_NOT_TUNE: "💡 {version}: prompting alone is as good",
}
_UNPROVEN = "⏸️ {version} answers better, but parity is not proven"


def headline_of(evaluation: Evaluation, version_name: str) -> str:
    lacks_proof_alone = IF_PROVEN in evaluation.evidence
    words = _UNPROVEN if lacks_proof_alone else _HEADLINES[evaluation.verdict]
    return words.format(version=version_name)


def abstention_words(evaluation: Evaluation) -> str:
    """How often what would answer says that it does not know; nothing where nobody was asked."""
    line = next((one for one in evaluation.strategies if one["name"] == evaluation.best), {})
    parts = [
        f"{round(line[name] * line[f'{name}_of'])} of {line[f'{name}_of']} {what}"
        for name, what in (
            ("abstained_wrong", "questions that were taught, where it is wrong"),
            ("abstained_right", "that nobody has answered, where it is right"),
        )
        if f"{name}_of" in line
    ]
    if len(parts) < 2:
        return ""
    words = f"“I don’t know” from {line['name']}: to {parts[0]}, and to {parts[1]}."
    asked = evaluation.evidence.get("in_vain", {})
    if asked.get("by_retrieval"):
        words += (
            f" To {asked['by_retrieval']} of {asked['of']} that people asked in vain I say so "
            "before any model is asked, as nothing that was taught surely fits them."
        )
    return words


def similarity_words(evaluation: Evaluation) -> str:
    """What similarity means, or why it is missing; nothing where nobody asked for it."""
    if problem := evaluation.evidence.get("similarity"):
        return f"Semantic similarity was not measured: {problem}."
    if any("similarity" in line for line in evaluation.strategies):
        return "Similarity is the sentence model's: 1 means the same, whatever the words."
    return ""
