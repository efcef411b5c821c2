"""Every check before training says what to do about what it found; a new one has to as well."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bot.dataset.errors
from bot.cli import cli
from bot.dataset.checks.examining import Examination, Item
from bot.dataset.checks.findings import NAMES, Findings, warned_of
from bot.dataset.errors import (
    EmptyExampleError,
    ExampleTooLongError,
    LeakageError,
    NotEnoughExamplesError,
    RightsWithdrawnError,
)
from bot.dataset.rights import attest
from bot.dataset.snapshot import freeze
from bot.errors import AttestationMissingError, TrainingError
from bot.settings import load_settings
from storage.audience import WORKSPACE
from storage.tables import SnapshotRow, Source, Split
from tests.teaching import TEAM, fresh_database, teach, thaw

ROOT = Path(__file__).parents[2]
#: What an instruction begins with.
ORDERS = re.compile(
    r"\b(Attest|An admin can|Correct|Decide|Give|Keep|Leave|Mark|Restore|Say|Shorten|Take|Train"
    r"|Type|Write)\b"
)
#: What our refusals before training are raised with.
REFUSALS = [
    NotEnoughExamplesError(3, 8, 2),
    EmptyExampleError(7, "answer"),
    ExampleTooLongError(7, "How?", 900, 512),
    LeakageError([1, 2]),
    AttestationMissingError(),
    RightsWithdrawnError(["import"], "local"),
]


def kinds_in_source() -> Iterator[tuple[str, str]]:
    """Level and kind of every finding that our code can make."""
    for path in (ROOT / "bot").rglob("*.py"):
        source = path.read_text()
        if "checks.findings import" not in source or path.name == "findings.py":
            continue
        for node in ast.walk(ast.parse(source)):
            name = node.func if isinstance(node, ast.Call) else None
            if isinstance(name, ast.Name) and name.id in ("error", "warning"):
                kind = node.args[0]  # type: ignore[attr-defined]
                assert isinstance(kind, ast.Constant), ast.unparse(node)
                yield name.id, kind.value


def by_rows() -> Findings:
    """What can be found in rows: of a file, and of the data set."""
    system = ({"role": "system", "content": "Be brief."},)
    examination = Examination(lambda item: len(item.answer.split()), 50)
    for item in (
        Item(1, "Where is the key?", "On hook 3."),
        Item(2, "where is the key", "on hook 3"),
        Item(3, "where is the key", "On hook 4."),
        Item(4, "", "x"),
        Item(5, "Who?", "👍"),
        Item(6, "Who is it?", "Ask <@U0BOB>."),
        Item(7, "How?", "word " * 60),
        Item(8, "When?", "Now.", system),
        Item(9, "Where is the key", "x", split=Split.VALIDATION),
    ):
        examination.look_at(item)
    examination.refuse(10, "It is no JSON.")
    examination.conclude(is_file=True)
    return examination.findings


def check(home: Path, *words: str) -> list[dict]:
    done = CliRunner().invoke(
        cli,
        ["dataset", "check", "--json", *words],
        obj=lambda **_: load_settings(apprentice_home=home, _env_file=None),
    )
    return json.loads(done.stdout)["findings"]


def by_command(home: Path) -> Iterator[dict]:
    """What only the command finds: rights, amounts, a snapshot that is not what it was."""
    database = fresh_database(home)
    with database.write() as session:
        teach(session, "Where?", "Here.", source=Source.IMPORT)
        teach(session, "When?", "Now.")
    yield from check(home)  # nothing is attested
    with database.write() as session:
        attestation = attest(session, TEAM, "U0ALICE", [Source.AUTHORED])
        freeze(session, TEAM, WORKSPACE, attestation)
    yield from check(home)  # something is left out, and there is too little
    with database.write() as session:
        thaw(session)
        session.get_one(SnapshotRow, 1).answer = "There."
    yield from check(home, "--snapshot", "1")
    database.close()


def test_every_kind_of_finding_comes_with_an_instruction(tmp_path):
    found = [(f.kind, f.what, f.todo) for f in by_rows().listed]
    found += [(f["kind"], f["what"], f["todo"]) for f in by_command(tmp_path)]

    assert {kind for _, kind in kinds_in_source()} == {kind for kind, _, _ in found}
    for kind, what, todo in found:
        assert ORDERS.search(todo), f"{kind}: {what} {todo}"
        assert todo.endswith((".", "`.")), todo


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
def test_every_refusal_before_training_comes_with_an_instruction(refusal):
    assert ORDERS.search(str(refusal)), str(refusal)


def test_no_refusal_is_left_out():
    ours = {
        each
        for each in vars(bot.dataset.errors).values()
        if isinstance(each, type) and issubclass(each, TrainingError) and each is not TrainingError
    }
    assert ours <= {type(refusal) for refusal in REFUSALS}


def test_every_warning_about_rows_has_a_name_on_the_card_of_its_run():
    of_rows = {f.kind for f in by_rows().listed}
    warnings = {kind for level, kind in kinds_in_source() if level == "warning"} & of_rows
    assert warnings - {"system"} == set(NAMES), "files alone lack a system message here and there"
    for kind in NAMES:
        assert "`python -m bot dataset check`" in warned_of({kind: 1})
    assert warned_of({}) == ""
