"""
"Which answer is better?": pairs for people who do not know which model answered, and their votes.

Each person sees the two in an order of their own, the same whenever they look, so that nothing in
the form tells which is which and nobody's habit of choosing the first one favours a model.
"""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from sqlmodel import Session

from bot.answering.blind import BlindPair, Choice
from bot.errors import NotFoundError
from bot.evaluation.intervals import Interval, interval_of
from bot.evaluation.judge_model import JudgedPair, agreement
from bot.evaluation.lines import best_line, key_of_line
from bot.evaluation.measures import finite
from storage import blind_votes, evaluations, runs, snapshots, versions
from storage.audience import Viewer
from storage.tables import (
    BlindVote,
    Evaluation,
    EvaluationAnswer,
    ModelVersion,
    Preferred,
    SnapshotRow,
    Split,
)

#: Before so many facts were judged, people's votes decide nothing.
FEWEST_FACTS = 10
_WORTH = {Preferred.TUNED: 1.0, Preferred.NEITHER: 0.5, Preferred.PROMPTED: 0.0}


def next_pair(
    session: Session, team_id: str, run_id: int, user_id: str, viewer: Viewer
) -> BlindPair | None:
    """
    A question this person has not judged yet, one that few have; None where none is left.

    Raises:
        NotFoundError: there is no such run for this viewer, or it has no verdict.
    """
    pairs = _pairs(session, *_judged(session, team_id, run_id, viewer), viewer)
    cast = blind_votes.of_run(session, team_id, run_id)
    mine = {vote.snapshot_row_id for vote in cast if vote.user_id == user_id}
    judged = [vote.snapshot_row_id for vote in cast]
    left = [pair for key, pair in pairs.items() if key not in mine]
    if not left:
        return None
    chosen = min(left, key=lambda p: (judged.count(p.row_id), _digest(user_id, p.row_id)))
    row_id = chosen.row_id
    answers = (chosen.tuned, chosen.prompted)
    first, second = answers if _tuned_is_first(user_id, row_id) else answers[::-1]
    return BlindPair(
        run_id, row_id, chosen.question, chosen.curated, first, second, len(mine), len(left)
    )


def cast(
    session: Session,
    team_id: str,
    run_id: int,
    user_id: str,
    viewer: Viewer,
    row_id: int,
    choice: Choice,
) -> None:
    """
    Keep a choice, and count all of them into the evaluation's evidence.

    Raises:
        NotFoundError: there is no such pair for this viewer any more.
    """
    evaluation, version = _judged(session, team_id, run_id, viewer)
    if row_id not in _pairs(session, evaluation, version, viewer):
        raise NotFoundError("That question is gone: somebody's words were erased.")
    is_first = _tuned_is_first(user_id, row_id)
    preferred = Preferred.NEITHER
    if choice is not Choice.SAME:
        is_tuned = (choice is Choice.FIRST) == is_first
        preferred = Preferred.TUNED if is_tuned else Preferred.PROMPTED
    blind_votes.put(
        session,
        BlindVote(
            team_id=team_id,
            run_id=run_id,
            snapshot_row_id=row_id,
            user_id=user_id,
            preferred=preferred,
            tuned_was_first=is_first,
        ),
    )
    count_votes(session, evaluation)


def count_votes(session: Session, evaluation: Evaluation) -> None:
    """
    Count what people said into the evidence: on the questions it was judged by, also where they
    said it of the same question before it was judged again.
    """
    cast = blind_votes.of_run(session, evaluation.team_id, evaluation.run_id)
    clusters = {int(row): fact for row, fact in evaluation.evidence.get("clusters", {}).items()}
    ids = {*clusters, *(vote.snapshot_row_id for vote in cast)}
    hashes = snapshots.hashes_of(session, evaluation.team_id, ids)
    asked = {hashes[row]: row for row in clusters if row in hashes}
    newest = {
        (vote.user_id, hashes[vote.snapshot_row_id]): vote
        for vote in cast
        if hashes.get(vote.snapshot_row_id) in asked
    }
    if not newest:
        return
    people = tally(
        list(newest.values()),
        {vote.snapshot_row_id: clusters[asked[its]] for (_, its), vote in newest.items()},
    )
    by_row: dict[str, list[float]] = {}
    for (_, its), vote in newest.items():
        by_row.setdefault(str(asked[its]), []).append(_WORTH[vote.preferred])
    choices = evaluation.evidence.get("judge", {}).get("choices", {})
    people["judge_agreed"], people["judge_compared"] = agreement(choices, by_row)
    evaluation.evidence = {**evaluation.evidence, "people": people}
    session.add(evaluation)


def tally(votes: Sequence[BlindVote], clusters: Mapping[int, Hashable]) -> dict[str, Any]:
    """
    What people said, as figures that JSON can hold; ``clusters`` names the fact of each row.

    ``share`` is how often the tuned answer was preferred, a tie counting half; ``prefer`` is
    "tuned" or "prompted" where its interval says so, else None. ``settles``: they prefer the tuned
    one whoever of them is left out.
    """
    found = _share(votes, clusters)
    prefer = _preferred(votes, clusters)
    persons = {vote.user_id for vote in votes}
    return {
        "votes": len(votes),
        "people": len(persons),
        "tuned": sum(vote.preferred is Preferred.TUNED for vote in votes),
        "prompted": sum(vote.preferred is Preferred.PROMPTED for vote in votes),
        "share": found.mean,
        "share_low": finite(found.low),
        "share_high": finite(found.high),
        "prefer": prefer,
        "settles": prefer == "tuned"
        and all(
            _preferred([vote for vote in votes if vote.user_id != person], clusters) == "tuned"
            for person in persons
        ),
    }


def _preferred(votes: Sequence[BlindVote], clusters: Mapping[int, Hashable]) -> str | None:
    if len({clusters[vote.snapshot_row_id] for vote in votes}) < FEWEST_FACTS:
        return None
    found = _share(votes, clusters)
    return "tuned" if found.low > 0.5 else "prompted" if found.high < 0.5 else None


def _share(votes: Sequence[BlindVote], clusters: Mapping[int, Hashable]) -> Interval:
    facts = [clusters[vote.snapshot_row_id] for vote in votes]
    return interval_of([_WORTH[vote.preferred] for vote in votes], facts)


def _judged(
    session: Session, team_id: str, run_id: int, viewer: Viewer
) -> tuple[Evaluation, ModelVersion]:
    run = runs.get(session, team_id, run_id)
    if run is None or run.audience not in viewer.audiences:
        raise NotFoundError("There is no such run.")
    evaluation = evaluations.of_run(session, team_id, run_id)
    version = versions.of_run(session, team_id, run_id)
    if evaluation is None or version is None:
        raise NotFoundError(f"Run {run_id} has no verdict yet.")
    return evaluation, version


def _pairs(
    session: Session, evaluation: Evaluation, version: ModelVersion, viewer: Viewer
) -> dict[int, JudgedPair]:
    asked = int(evaluation.evidence.get("snapshot", version.snapshot_id))
    return pairs_of(
        evaluation,
        version.name,
        snapshots.rows_of(session, version.team_id, asked, viewer),
        evaluations.answers_of(session, version.team_id, evaluation.run_id, viewer),
    )


def pairs_of(
    evaluation: Evaluation,
    version_name: str,
    rows: Sequence[SnapshotRow],
    answers: Sequence[EvaluationAnswer],
) -> dict[int, JudgedPair]:
    """By row: the best prompted and the best tuned answer, where there are both and they differ."""
    lines = best_line(evaluation, None), best_line(evaluation, version_name)
    if lines[0] is None or lines[1] is None:
        return {}
    prompted, tuned = (key_of_line(line) for line in lines if line)
    given: dict[int, dict[str, str]] = {}
    for answer in answers:
        given.setdefault(answer.snapshot_row_id, {})[answer.strategy] = answer.text.strip()
    found = {}
    for row in rows:
        row_id = row.id or 0
        texts = given.get(row_id, {})
        one, other = texts.get(prompted, ""), texts.get(tuned, "")
        if row.split == Split.HELD_OUT_WORDING and one and other and one != other:
            found[row_id] = JudgedPair(row_id, row.question, row.answer, one, other)
    return found


def _tuned_is_first(user_id: str, row_id: int) -> bool:
    return _digest(user_id, row_id)[0] % 2 == 0


def _digest(user_id: str, row_id: int) -> bytes:
    return hashlib.sha256(f"blind {user_id} {row_id}".encode()).digest()
