"""
All tables, one module per subject. Every row belongs to a workspace (``team_id``), save those of
``ledger_entry``, which outlive one.

Importing this package registers every table with SQLModel's metadata.
"""

from storage.tables.audit import AuditEntry
from storage.tables.canaries import Canary, CanaryState, Feedback, Pin
from storage.tables.curation import CurationRules, Revision, RevisionReason
from storage.tables.delivery import (
    InboxItem,
    InboxKind,
    InboxState,
    OutboxKind,
    OutboxMessage,
    OutboxState,
    Question,
    QuestionState,
    Standing,
)
from storage.tables.deployments import Deployment, DeploymentState
from storage.tables.examples import (
    HELD_BURST,
    STALE_MESSAGE_EDITED,
    Example,
    ExampleState,
    Source,
    Vote,
    Wording,
    WordingUse,
)
from storage.tables.forgetting import (
    Erasure,
    ErasureKind,
    ErasureState,
    ExampleMessage,
    LedgerEntry,
    OptOut,
    Part,
    ToldAuthor,
)
from storage.tables.models import (
    Evaluation,
    EvaluationAnswer,
    ModelVersion,
    Promotion,
    Verdict,
    VersionState,
)
from storage.tables.near_duplicates import (
    NearDuplicate,
    NearDuplicateKind,
    NearDuplicateState,
)
from storage.tables.notices import AdminNotice
from storage.tables.preferences import BlindVote, Preferred
from storage.tables.probes import ProbeResult
from storage.tables.review import (
    ContributorNotice,
    ReviewAction,
    Unanswered,
    UnansweredAsk,
    UnansweredState,
    Verb,
    WhyUnanswered,
)
from storage.tables.runs import (
    OPEN_RUN_STATES,
    Origin,
    Run,
    RunMetric,
    RunState,
    Snapshot,
    SnapshotRow,
    Split,
)
from storage.tables.schedules import Schedule
from storage.tables.sunsets import Sunset
from storage.tables.vectors import ExampleVector
from storage.tables.workspace import Attestation, Setting

__all__ = [
    "HELD_BURST",
    "OPEN_RUN_STATES",
    "STALE_MESSAGE_EDITED",
    "AdminNotice",
    "Attestation",
    "AuditEntry",
    "BlindVote",
    "Canary",
    "CanaryState",
    "ContributorNotice",
    "CurationRules",
    "Deployment",
    "DeploymentState",
    "Erasure",
    "ErasureKind",
    "ErasureState",
    "Evaluation",
    "EvaluationAnswer",
    "Example",
    "ExampleMessage",
    "ExampleState",
    "ExampleVector",
    "Feedback",
    "InboxItem",
    "InboxKind",
    "InboxState",
    "LedgerEntry",
    "ModelVersion",
    "NearDuplicate",
    "NearDuplicateKind",
    "NearDuplicateState",
    "OptOut",
    "Origin",
    "OutboxKind",
    "OutboxMessage",
    "OutboxState",
    "Part",
    "Pin",
    "Preferred",
    "ProbeResult",
    "Promotion",
    "Question",
    "QuestionState",
    "ReviewAction",
    "Revision",
    "RevisionReason",
    "Run",
    "RunMetric",
    "RunState",
    "Schedule",
    "Setting",
    "Snapshot",
    "SnapshotRow",
    "Source",
    "Split",
    "Standing",
    "Sunset",
    "ToldAuthor",
    "Unanswered",
    "UnansweredAsk",
    "UnansweredState",
    "Verb",
    "Verdict",
    "VersionState",
    "Vote",
    "WhyUnanswered",
    "Wording",
    "WordingUse",
]
