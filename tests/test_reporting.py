"""The page of a run: true figures, harmless words, for those who may see it."""

from html.parser import HTMLParser

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from bot.cli import cli
from bot.errors import NotFoundError
from bot.evaluation.pictures import draw_pictures
from bot.pipeline.forgetting import Broom, _clear_run
from bot.pipeline.reporting import write_report
from bot.settings import load_settings
from storage.audience import WORKSPACE, Viewer
from storage.columns import utc_now
from storage.lineage import mark
from storage.tables import Evaluation, Run, Verdict
from tests.knowing_engine import KnowingEngine
from tests.pipeline_parts import FACTS, ask_for_run, make_workshop, work_until_done
from tests.teaching import TEAM, teach, teach_facts

EVIL = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>"


class Page(HTMLParser):
    """What a browser would do with the page: tags, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data + "\n"


def judged(database, tmp_path, audience=WORKSPACE, **options) -> int:
    with database.write() as session:
        run_id = ask_for_run(session, audience=audience).id
    work_until_done(make_workshop(database, tmp_path, **options))
    return run_id


def page_of(database, run_id, path, audience=WORKSPACE) -> Page:
    with database.read() as session:
        write_report(session, TEAM, run_id, Viewer.model(audience), path)
    return Page(path.read_text("utf-8"))


def test_the_verdict_comes_first_and_everything_is_there(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    run_id = judged(database, tmp_path, draw=draw_pictures)

    # The pipeline has written it already.
    page = Page((tmp_path / "reports" / f"run-{run_id}" / "report.html").read_text("utf-8"))

    with database.read() as session:
        evaluation = session.exec(select(Evaluation)).one()
        run = session.exec(select(Run)).one()
    text = page.text
    order = [
        "workspace-v1 earned its promotion", evaluation.reason, "Strategies", "tuned + 1 example",
        "Training and scores", "What got better, what got worse", "What was looked for besides",
        "All questions and answers", "Where it comes from", "The right to train",
        run.rights["statement"], "U0ALICE", "12 authored",
    ]  # fmt: skip
    place = 0
    for words in order:
        place = text.index(words, place) + len(words)
    for line in evaluation.strategies:
        assert f"{line['f1']:.2f}" in text
    assert "of 12 answers: base 0, base + 1 example 0, tuned 0, tuned + 1 example 0" in text
    assert "proven: the same tokens, and the same chances of the first words" in text
    assert "{'" not in text  # nothing is shown as the program keeps it
    images = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(images) == 2
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert all(image["alt"] for image in images)
    assert sum(tag == "details" for tag, _ in page.tags) == 12


def test_a_version_held_for_want_of_a_proof_says_why_and_who_decided(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12)
    run_id = judged(database, tmp_path)
    path = tmp_path / "again.html"
    with database.write() as session:
        evaluation = session.exec(select(Evaluation)).one()
        why = {"parity_proven": False, "unproven": "`openai` does not say."}
        evaluation.verdict = Verdict.HOLD
        evaluation.evidence = evaluation.evidence | {
            "findings": evaluation.evidence["findings"] | why,
            "if_proven": evaluation.best,
            "parity_accepted": {"by": "U0ALICE", "at": "2026-11-27T16:00:00"},
        }
        session.flush()
        write_report(session, TEAM, run_id, Viewer.model(WORKSPACE), path)

    text = Page(path.read_text("utf-8")).text
    assert "workspace-v1 answers better, but parity is not proven" in text
    assert "not proven: `openai` does not say. Promoted all the same as U0ALICE decided on" in text


def test_nothing_people_or_models_wrote_is_more_than_text(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 11)
        teach(session, f"Q {EVIL}", f"A {EVIL}\u202egnp.exe\x07", held_out=(f"Other {EVIL}",))
    skill = lambda tuned, examples: 1.0  # noqa: E731
    run_id = judged(
        database, tmp_path, engine=KnowingEngine({**FACTS, f"Other {EVIL}": EVIL}, skill)
    )

    page = page_of(database, run_id, tmp_path / "page.html")

    assert f"Other {EVIL}" in page.text
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "link", "form", "a"}
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    sources = [attrs["src"] for _, attrs in page.tags if "src" in attrs]
    assert all(source.startswith("data:") for source in sources)
    assert "\u202e" not in page.text
    assert "\x07" not in page.text
    policy = next(
        attrs["content"] for _, attrs in page.tags
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )  # fmt: skip
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_only_who_may_see_the_audience_gets_it(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 12, audience="C0OPS")
    run_id = judged(database, tmp_path, audience="C0OPS")
    path = tmp_path / "page.html"

    for viewer in (Viewer.person([]), Viewer.person(["C0OTHER"]), Viewer.nobody()):
        with database.read() as session, pytest.raises(NotFoundError):
            write_report(session, TEAM, run_id, viewer, path)
        assert not path.exists()
    assert "c0ops-v1" in page_of(database, run_id, path, "C0OPS").text


def test_erased_words_are_gone_from_the_page_and_the_old_one_is_deleted(database, tmp_path):
    with database.write() as session:
        teach_facts(session, 11)
        erased = teach(session, "Where is Zebedee?", "In Zanzibar.", held_out=("Zebedee where?",))
    run_id = judged(database, tmp_path)
    old = tmp_path / "reports" / f"run-{run_id}" / "report.html"
    assert "Zebedee" in old.read_text("utf-8")

    with database.write() as session:
        mark(session, TEAM, [erased.id], now=utc_now(), serve_until=utc_now())
    _clear_run(Broom(database, tmp_path), TEAM, run_id)
    page = page_of(database, run_id, tmp_path / "new.html")

    assert not old.exists()
    assert "Zebedee" not in page.text
    assert "Zanzibar" not in page.text
    assert "1 question left out" in page.text


def test_without_held_out_questions_the_page_says_so(database, tmp_path):
    with database.write() as session:
        for number in range(9):
            teach(session, f"Where is the key of room {number}?", f"Hook {number}.")
    run_id = judged(database, tmp_path)

    text = page_of(database, run_id, tmp_path / "page.html").text

    assert "nothing to compare" in text
    assert "not enough evidence yet" in text


def test_the_command_line_writes_it_again_and_refuses_what_is_not_there(
    database, tmp_path, monkeypatch
):
    with database.write() as session:
        teach_facts(session, 12)
    run_id = judged(database, tmp_path)
    with database.write() as session:
        ask_for_run(session)
    database.close()
    path = tmp_path / "reports" / f"run-{run_id}" / "report.html"
    path.unlink()
    monkeypatch.setenv("APPRENTICE_HOME", str(tmp_path))

    done = CliRunner().invoke(cli, ["models", "report", str(run_id)], obj=load_settings)
    missing = CliRunner().invoke(cli, ["models", "report", "77"], obj=load_settings)
    early = CliRunner().invoke(cli, ["models", "report", str(run_id + 1)], obj=load_settings)

    assert done.stdout.strip() == str(path)
    assert path.is_file()
    assert "There is no run 77" in str(missing.exception)
    assert "has no verdict: it is queued" in str(early.exception)


def test_a_full_disk_does_not_cost_the_verdict(database, tmp_path, caplog):
    with database.write() as session:
        teach_facts(session, 12)
    (tmp_path / "reports").write_text("not a folder")

    judged(database, tmp_path)

    with database.read() as session:
        assert session.exec(select(Evaluation)).one().verdict
    assert "was not written" in caplog.text
