"""The trainer ``together``: its own client against its wire, our engine for what it hands out."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.engines.adapter_files import CONFIG, WEIGHTS
from bot.engines.base_model import BaseModel
from bot.engines.model_place import RemoteModel
from bot.training.downloaded import Downloads
from bot.training.remote_errors import (
    AdapterMisfitError,
    ClientMissingError,
    KeyRefusedError,
    NotAnApiError,
    QuotaExhaustedError,
    RowsRejectedError,
    TrainerUnavailableError,
    TuningRefusedError,
)
from bot.training.together import TogetherTrainer
from bot.training.together_archive import LARGEST_BYTES, read_archive
from bot.training.together_client import TogetherClient
from bot.training.trainer import Adapter, JobState
from tests.scripted_trainer import ScriptedTrainer
from tests.together_wire import KEY, MODEL, PYTHON, TogetherWire, tar_of, together_wire
from tests.training.test_downloaded import CopyingTrainer
from tests.training_job import row, wait_for_end

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="make together")
ROWS = [row(f"Where is key {number}?", f"On hook {number}.") for number in range(12)]


@pytest.fixture
def wire(tmp_path: Path, tiny_base: BaseModel, tiny_adapter: Adapter) -> Iterator[TogetherWire]:
    with together_wire(CopyingTrainer(tmp_path / "theirs", tiny_adapter), tiny_base) as running:
        yield running


def together_at(wire: TogetherWire, key: str = KEY, **options: Any) -> TogetherTrainer:
    client = TogetherClient(
        options.pop("python", PYTHON), key, options.pop("url", wire.url), others=["local"],
        retries=0, timeout_seconds=90,
    )  # fmt: skip
    given = {"model": MODEL, "poll_seconds": 0, "others": ["local"]} | options
    trainer = TogetherTrainer(client, "bot-1", **given)
    wire.close_at_end.append(trainer.stop)
    return trainer


def test_its_adapter_comes_home_and_is_what_was_trained(wire, tmp_path, tiny_base, tiny_adapter):
    trainer = together_at(wire, downloads=Downloads(tmp_path / "jobs", tiny_base, "x/tiny-base"))
    job_id = trainer.start("run-1", ROWS, tiny_base, validation=ROWS[:2], snapshot="abc")

    status = wait_for_end(trainer, job_id)
    adapter = trainer.result(job_id)

    assert status.state == JobState.SUCCEEDED
    assert isinstance(adapter, Adapter)
    assert adapter.gguf_path.read_bytes() == tiny_adapter.gguf_path.read_bytes()
    assert status.record["billed_dollars"] == pytest.approx(0.38)
    assert status.record["training_type"]["lora_r"] == 16
    wire.faults.append(("GET /v1/finetune/download", 500, {}))
    assert trainer.result(job_id) == adapter


def test_with_another_base_the_model_stays_there(wire, tmp_path, tiny_base):
    trainer = together_at(wire)
    job_id = trainer.start("run-1", ROWS, tiny_base)
    wait_for_end(trainer, job_id)

    result = trainer.result(job_id)

    assert isinstance(result, RemoteModel)
    assert (result.served_by, result.base_model) == ("together", MODEL)


def test_an_answer_lost_after_the_job_began_makes_no_second_job(wire, tiny_base):
    wire.drop = True
    with pytest.raises(TrainerUnavailableError):
        together_at(wire).start("run-1", ROWS, tiny_base)

    job_id = together_at(wire).start("run-1", ROWS, tiny_base)

    assert list(wire.jobs) == [job_id]
    assert together_at(wire).status("run-1").state != JobState.FAILED


def test_an_upload_that_broke_is_done_again_once(wire, tiny_base):
    wire.faults.append(("PUT /upload/", 500, "broken"))
    with pytest.raises(TrainerUnavailableError):
        together_at(wire).start("run-1", ROWS, tiny_base)

    together_at(wire).start("run-1", ROWS, tiny_base)

    (file,) = wire.files.values()
    assert file["bytes"] == len(wire.contents[file["id"]]) > 0


def test_two_runs_are_two_jobs_and_other_bots_have_their_own(wire, tiny_base):
    trainer = together_at(wire)
    first = trainer.start("run-1", ROWS, tiny_base)

    assert trainer.start("run-10", ROWS, tiny_base) != first
    assert trainer.start("run-1", ROWS, tiny_base) == first


@pytest.mark.parametrize("state", ["queued", "compressing", "uploading", "cancel_requested", "new"])
def test_what_is_not_the_end_is_running(wire, tiny_base, state):
    trainer = together_at(wire)
    job_id = trainer.start("run-1", ROWS, tiny_base)
    wire.status = state

    assert trainer.status(job_id).state == JobState.RUNNING


def test_a_job_that_fails_names_the_example(tmp_path, tiny_base):
    failing = ScriptedTrainer(tmp_path, fails_at=1)
    with together_wire(failing, tiny_base) as wire:
        trainer = together_at(wire)
        job_id = trainer.start("run-1", ROWS, tiny_base)
        wire.error = "Row 3 has an invalid message"

        status = trainer.status(job_id)

    assert status.state == JobState.FAILED
    assert "Row 3 is the example “Where is key 2?”" in str(status.error)


def test_rows_that_are_refused_before_the_job_name_the_example(wire, tiny_base):
    wire.price = {"estimation_available": False, "unavailable_reason": "train_file_invalid"}
    trainer = together_at(wire)
    wire.faults.append(
        ("GET /v1/files/file-1", 200, {"id": "file-1", "bytes": 9, "created_at": 1, "filename": "f",
         "FileType": "jsonl", "object": "file", "purpose": "fine-tune",
         "validation_report": {"valid": False, "error": "Error on line 2: no role"}}))  # fmt: skip

    with pytest.raises(RowsRejectedError, match="Row 2 is the example “Where is key 1"):
        trainer.start("run-1", ROWS, tiny_base)
    assert wire.jobs == {}


@pytest.mark.parametrize("is_refused_at_once", [False, True])
def test_a_row_of_the_validation_file_is_named_as_what_it_is(
    tmp_path, tiny_base, is_refused_at_once
):
    """The second row of the training file is another example."""
    held_out = [row("Who holds out?", "Dora."), row("Who is not text?", " ")]
    with together_wire(ScriptedTrainer(tmp_path, fails_at=1), tiny_base) as wire:
        trainer = together_at(wire)
        if is_refused_at_once:
            wire.price = {"estimation_available": False, "unavailable_reason": "eval_file_invalid"}
            report = {"valid": False, "error": "Line 2: content is empty"}
            wire.faults.append(
                ("GET /v1/files/file-3 ", 200, {"id": "file-3", "validation_report": report})
            )
            with pytest.raises(RowsRejectedError) as refusal:
                trainer.start("run-1", ROWS, tiny_base, validation=held_out)
            said = str(refusal.value)
            assert wire.jobs == {}
        else:
            job_id = trainer.start("run-1", ROWS, tiny_base, validation=held_out)
            wire.error = "Line 2 of the validation file: content is empty"
            said = str(trainer.status(job_id).error)

    assert "`together` does not take the validation data" in said
    assert "Row 2 of the validation file is the example “Who is not text?”" in said


#: A page, nothing, null, a list, and an object of somebody else's.
OTHERS_ANSWERS = ["<html>Hi</html>", "", None, [], {"detail": "under maintenance"}]
ASKED_TO_START = [
    "GET /v1/fine-tunes ", "GET /v1/fine-tunes/models/limits ", "GET /v1/files ",
    "POST /v1/fine-tunes/estimate-price ", "POST /v1/fine-tunes ",
]  # fmt: skip


def test_what_is_no_answer_of_an_api_starts_nothing_and_is_named(wire, tiny_base):
    trainer = together_at(wire)
    for asked in ASKED_TO_START:
        for answer in OTHERS_ANSWERS:
            wire.faults.append((asked, 200, answer))
            with pytest.raises(NotAnApiError, match=r"not as the API of `together`.*Correct the"):
                trainer.start("run-1", ROWS, tiny_base)
            assert (wire.jobs, wire.faults) == ({}, []), (asked, answer)

    trainer.start("run-1", ROWS, tiny_base)

    assert len(wire.jobs) == len(wire.files) == 1


def test_what_is_no_answer_of_an_api_ends_no_job(wire, tiny_base):
    trainer = together_at(wire)
    job_id = trainer.start("run-1", ROWS, tiny_base)
    wire.status = "running"
    for asked in (f"GET /v1/fine-tunes/{job_id} ", "/events "):
        for answer in OTHERS_ANSWERS:
            wire.faults.append((asked, 200, answer))
            with pytest.raises(NotAnApiError, match=r"not as the API of `together`.*Correct the"):
                trainer.status(job_id)
            assert wire.faults == [], (asked, answer)
    for answer in OTHERS_ANSWERS:
        wire.faults.append(("/cancel ", 200, answer))
        with pytest.raises(NotAnApiError):
            trainer.cancel(job_id)
    wire.status = None

    assert wait_for_end(trainer, job_id).state == JobState.SUCCEEDED


def test_figures_that_are_none_are_left_out(wire, tiny_base):
    trainer = together_at(wire)
    job_id = trainer.start("run-1", ROWS, tiny_base)
    wait_for_end(trainer, job_id)
    odd = {"id": job_id, "status": "completed", "total_price": "much", "token_count": None,
           "progress": [], "training_file": None}  # fmt: skip
    events = {"data": [{"message": "Hm", "created_at": None, "total_steps": "many"}]}
    metrics = {"metrics": [None, 3, {"train/global_step": "x", "train/loss": None}, {}]}
    wire.faults += [(f"/{job_id} ", 200, odd), ("/events ", 200, events),
                    ("/metrics ", 200, metrics)]  # fmt: skip

    status = trainer.status(job_id)

    assert wire.faults == []
    assert (status.state, list(status.metrics), status.total_steps) == (
        JobState.SUCCEEDED, [], None,
    )  # fmt: skip
    assert status.record["events"] == [{"at": "1970-01-01T00:00:00+00:00", "said": "Hm"}]
    assert "billed_dollars" not in status.record


def test_a_file_that_is_not_looked_through_yet_is_waited_for(wire, tiny_base):
    usual, wire.price = wire.price, {
        "estimation_available": False, "unavailable_reason": "train_file_not_validated",
    }  # fmt: skip
    trainer = together_at(wire)
    with pytest.raises(TrainerUnavailableError) as wait:
        trainer.start("run-1", ROWS, tiny_base)
    wire.price = usual

    trainer.start("run-1", ROWS, tiny_base)

    assert wait.value.retry_after == 15
    assert len(wire.files) == len(wire.jobs) == 1


def test_a_price_above_the_credit_begins_no_job(wire, tiny_base):
    wire.price = wire.price | {"allowed_to_proceed": False, "estimated_total_price": 42.5}

    with pytest.raises(QuotaExhaustedError, match=r"about 42\.50 USD"):
        together_at(wire).start("run-1", ROWS, tiny_base)

    assert wire.jobs == {}


REFUSALS = [
    ("GET /v1/fine-tunes", 401, {"error": {"message": "tgp-x"}}, KeyRefusedError, "TOGETHER_API"),
    ("POST /v1/files", 401, {"error": {"message": "no"}}, QuotaExhaustedError, "no quota left"),
    ("POST /v1/fine-tunes", 402, {"error": {"message": "Pay."}}, QuotaExhaustedError, "“Pay.”"),
    ("GET /v1/fine-tunes", 200, "<html>Hi</html>", NotAnApiError, "web page"),
    ("GET /v1/fine-tunes", 404, "<html>Hi</html>", NotAnApiError, "web page"),
    ("GET /v1/fine-tunes", 500, "<html>Hi</html>", TrainerUnavailableError, "does not answer"),
    ("GET /v1/fine-tunes", 429, {}, TrainerUnavailableError, "left alone"),
]


@pytest.mark.parametrize(("where", "status", "body", "kind", "words"), REFUSALS)
def test_what_goes_wrong_is_a_sentence(wire, tiny_base, where, status, body, kind, words):
    wire.faults.append((where, status, body))

    with pytest.raises(kind) as refusal:
        together_at(wire).start("run-1", ROWS, tiny_base)

    assert words in str(refusal.value)
    assert "tgp-" not in str(refusal.value)
    assert wire.jobs == {}


def test_a_wrong_key_an_unknown_base_few_rows_and_a_missing_client(wire, tiny_base, tmp_path):
    with pytest.raises(KeyRefusedError):
        together_at(wire, "tgp-wrong").start("run-1", ROWS, tiny_base)
    with pytest.raises(TuningRefusedError, match=r"other cannot be fine-tuned.*train local"):
        together_at(wire, model="other").start("run-1", ROWS, tiny_base)
    with pytest.raises(TuningRefusedError, match="10 rows are needed, there are 9"):
        together_at(wire).start("run-1", ROWS[:9], tiny_base)
    with pytest.raises(ClientMissingError, match="make together"):
        together_at(wire, python=tmp_path / "none").start("run-1", ROWS, tiny_base)
    assert wire.jobs == {} == wire.files


def test_erasing_leaves_nothing_there(wire, tiny_base):
    trainer = together_at(wire)
    job_id = trainer.start("run-1", ROWS, tiny_base)
    wait_for_end(trainer, job_id)

    trainer.erase(job_id, keep_model=True)
    assert (wire.files, list(wire.jobs)) == ({}, [job_id])
    trainer.erase(job_id)
    trainer.erase(job_id)

    assert (wire.jobs, wire.deleted_models) == ({}, [f"ml_{job_id}"])


def _of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS)}


ARCHIVES = [
    (lambda _: b"no archive at all", "archive is damaged"),
    (lambda _: b"\x28\xb5\x2f\xfd broken zstd", "archive is damaged"),
    (lambda folder: tar_of(_of(folder))[:2000], "damaged"),
    (lambda folder: tar_of(_of(folder) | {f"b/{CONFIG}": b"{}"}), "twice"),
    (lambda folder: tar_of({CONFIG: _of(folder)[CONFIG]}), "safetensors is missing"),
    (lambda folder: tar_of(_of(folder) | {WEIGHTS: b"<html>"}), "is damaged"),
]


@pytest.mark.parametrize(("archive", "words"), ARCHIVES, ids=range(len(ARCHIVES)))
def test_archives_that_are_broken_leave_nothing(wire, tmp_path, tiny_base, archive, words):
    downloads = Downloads(tmp_path / "jobs", tiny_base, MODEL)
    trainer = together_at(wire, downloads=downloads)
    job_id = trainer.start("run-1", ROWS, tiny_base)
    wait_for_end(trainer, job_id)
    wire.archive = archive

    with pytest.raises(AdapterMisfitError, match=words):
        trainer.result(job_id)

    assert downloads.kept(job_id) is None


def test_a_file_that_claims_to_be_huge_is_not_read(tmp_path):
    claimed = tarfile.TarInfo("adapter_model.safetensors")
    claimed.size = LARGEST_BYTES + 1
    (tmp_path / "adapter.tar").write_bytes(claimed.tobuf() + bytes(1024))

    with pytest.raises(AdapterMisfitError, match="too large for an adapter"):
        read_archive(tmp_path / "adapter.tar", "m")


def test_names_that_leave_the_archive_are_read_and_never_written(wire, tmp_path, tiny_base):
    trainer = together_at(wire, downloads=Downloads(tmp_path / "jobs", tiny_base, MODEL))
    job_id = trainer.start("run-1", ROWS, tiny_base)
    wait_for_end(trainer, job_id)
    wire.archive = lambda folder: tar_of(
        {f"../../{name}": content for name, content in _of(folder).items()} | {"/evil": b"x"}
    )

    adapter = trainer.result(job_id)

    assert isinstance(adapter, Adapter)
    assert adapter.folder.is_relative_to(tmp_path / "jobs")
    assert not Path("/evil").exists()
