"""Trainer ``autotrain`` but for AutoTrain itself: its folder, its log, and its ways to end."""

import json
import os
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from bot.engines.base_model import BaseModel
from bot.engines.llama_cpp import LlamaCppEngine
from bot.errors import NoSuchTrainerError
from bot.evaluation.parity import PROVEN, prove, samples_at
from bot.settings import load_settings
from bot.training.autotrain_job import adapter_in
from bot.training.autotrain_log import reason_in, says_it_failed, steps_in
from bot.training.autotrain_project import plan_project, write_project
from bot.training.base_weights import cached_base
from bot.training.hyperparameters import Hyperparameters
from bot.training.job_folder import JobFolder
from bot.training.local import AUTOTRAIN_JOB, LocalTrainer
from bot.training.trainer import PARITY_FILE, JobState
from tests.training.stand_in_autotrain import StandIn, install
from tests.training_job import PATIENCE_SECONDS, TINY_ROWS, row, wait_for_end

# peft asks transformers in a way transformers will drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

LOGS = Path(__file__).parent / "recorded"
WORKED = LOGS / "autotrain.log"
SECRET = "xoxb-not-for-others"


@pytest.fixture(scope="session")
def plain_adapter(
    tiny_base: BaseModel, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What AutoTrain leaves: an adapter that acts on all tokens, and its page."""
    folder = tmp_path_factory.mktemp("result")
    model = AutoModelForCausalLM.from_pretrained(cached_base(tiny_base, models_dir))
    shape = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(model, shape)
    for name, tensor in adapted.named_parameters():
        if "lora_B" in name:
            tensor.data.normal_(0, 0.3)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").write_text("# Model Trained Using AutoTrain")
    return folder


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return install(tmp_path / "environment")


@pytest.fixture
def jobs_dir(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
def trainer(jobs_dir: Path, models_dir: Path, stand_in: StandIn) -> Iterator[LocalTrainer]:
    made = make_trainer(jobs_dir, models_dir, stand_in)
    yield made
    made.stop()


def make_trainer(jobs_dir: Path, models_dir: Path, stand_in: StandIn) -> LocalTrainer:
    return LocalTrainer(
        jobs_dir,
        models_dir,
        Hyperparameters(num_train_epochs=2, threads=1),
        child=AUTOTRAIN_JOB,
        arguments=[str(stand_in.python)],
    )


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def run_until_it_waits(trainer: LocalTrainer, base: BaseModel, stand_in: StandIn) -> str:
    job_id = trainer.start("run-1", TINY_ROWS, base)
    wait_until(lambda: stand_in.starts)
    return job_id


# The folder


def test_the_folder_holds_rows_yaml_base_and_a_page(tiny_base, models_dir, tmp_path):
    folder = tmp_path / "project"
    plan = plan_project(Hyperparameters(num_train_epochs=2), [40, 40, 30], [20], 1024)

    write_project(
        folder, plan, TINY_ROWS, [row("2 + 2?", "4.")], cached_base(tiny_base, models_dir)
    )

    lines = (folder / "data" / "train.jsonl").read_text().splitlines()
    chats = [json.loads(line)["messages"] for line in lines]
    once = [*TINY_ROWS, row("2 + 2?", "4.")]
    assert chats == once * 2
    config = yaml.safe_load((folder / "config.yml").read_text())
    assert (config["task"], config["base_model"], config["project_name"], config["backend"]) == (
        "llm-sft", "base", "result", "local",
    )  # fmt: skip
    assert config["data"]["chat_template"] == "tokenizer"
    assert config["data"]["column_mapping"] == {"text_column": "messages"}
    assert (config["data"]["path"], config["data"]["valid_split"]) == ("data", None)
    params = config["params"]
    assert (params["peft"], params["quantization"], params["epochs"]) == (True, None, 1)
    assert (params["lr"], params["block_size"]) == (plan.learning_rate, plan.block_size)
    assert "autotrain --config config.yml" in (folder / "README.md").read_text()
    assert "autotrain-advanced==0.8.36" in (folder / "requirements.txt").read_text()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_base_is_put_into_the_words_of_older_transformers(tiny_base, models_dir, tmp_path):
    weights = cached_base(tiny_base, models_dir)
    plan = plan_project(Hyperparameters(), [40] * 3, [], 1024)

    write_project(tmp_path / "linked", plan, TINY_ROWS, [], weights)
    write_project(tmp_path / "whole", plan, TINY_ROWS, [], weights, with_copies=True)

    for name in ("linked", "whole"):
        base = tmp_path / name / "base"
        tokenizer = json.loads((base / "tokenizer_config.json").read_text())
        config = json.loads((base / "config.json").read_text())
        assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
        assert "<|im_start|>" in tokenizer["chat_template"]
        assert (config["rope_theta"], config["torch_dtype"]) == (10000.0, "float32")
        assert not {"rope_parameters", "dtype"} & set(config)
        assert (base / "model.safetensors").read_bytes() == (
            weights / "model.safetensors"
        ).read_bytes()
        assert (base / "model.safetensors").is_symlink() == (name == "linked")


@pytest.mark.parametrize("rows", [1, 2, 8, 30, 1000])
@pytest.mark.parametrize("size", [12, 150, 900])
def test_there_is_always_something_to_train_on(rows, size):
    plan = plan_project(Hyperparameters(), [size] * rows, [], 2048)

    blocks = plan.tokens // plan.block_size
    assert blocks >= min(8, plan.passes * rows * size // 16)
    assert plan.block_size <= 1024
    # Most rows are whole where there are enough of them.
    if rows >= 30:
        assert plan.block_size >= min(2 * size, 1024)


def test_blocks_fit_the_base():
    assert plan_project(Hyperparameters(), [300] * 30, [], 512).block_size == 512


# The log


def test_steps_are_read_from_a_real_log_once_each():
    steps = list(steps_in(WORKED.read_text().split("\n")))

    assert [step.step for step in steps] == list(range(1, 15))
    assert {step.total_steps for step in steps} == {14}
    assert (steps[0].loss, steps[-1].loss) == (7.1455, 6.5127)
    assert steps[0].learning_rate == pytest.approx(0.001)
    assert not says_it_failed(WORKED.read_text().split("\n"))


@pytest.mark.parametrize(
    ("name", "is_said", "reason"),
    [
        ("tokenizer", True, "ValueError: Tokenizer class TokenizersBackend does not exist"),
        ("too-few", True, "ValueError: Error occurred while packing the dataset."),
        ("yaml", False, "KeyError: 'chat_template'"),
    ],
)
def test_why_it_failed_is_read_from_real_logs(name, is_said, reason):
    lines = (LOGS / f"autotrain-{name}.log").read_text().split("\n")

    assert says_it_failed(lines) is is_said
    assert reason_in(lines).startswith(reason)


def test_a_gradient_that_is_no_number_is_seen_although_the_loss_looks_fine():
    line = WORKED.read_text().replace("'grad_norm': 3.5", "'grad_norm': nan, 'was': 3.5")

    assert [step.step for step in steps_in(line.split("\n")) if not step.is_finite]


def test_a_worker_that_was_killed_gave_no_reason():
    said = [
        "Traceback (most recent call last):",
        "subprocess.CalledProcessError: Command '[…]' died with <Signals.SIGKILL: 9>.",
    ]

    assert reason_in(said) == ""


# Its ways to end


def test_what_it_leaves_is_an_adapter_as_every_other(
    trainer, stand_in, tiny_base, plain_adapter, monkeypatch
):
    monkeypatch.setenv("SLACK_BOT_TOKEN", SECRET)
    stand_in.behaves(says=WORKED, makes=plain_adapter)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))
    adapter = trainer.result("run-1")

    assert (status.state, status.error) == (JobState.SUCCEEDED, None)
    assert [metric.step for metric in status.metrics] == list(range(1, 15))
    assert (status.step, status.total_steps, status.loss) == (14, 14, 6.5127)
    assert status.record["hyperparameters"]["num_train_epochs"] == 2
    assert status.record["trained_tokens"] > 0
    (start,) = stand_in.starts
    assert start["argv"] == ["--config", "config.yml"]
    given = start["environment"]
    assert (given["HF_HUB_OFFLINE"], given["ALLOW_REMOTE_CODE"], given["PAUSE_ON_FAILURE"]) == (
        "1", "false", "0",
    )  # fmt: skip
    assert SECRET not in json.dumps(given)
    assert given["PATH"].startswith(f"{stand_in.folder}:")
    # Rows are where erasing looks for them, and nothing of the project is left.
    assert given["HF_HOME"].startswith(str(adapter.folder.parent))
    wait_until(lambda: not (adapter.folder.parent / "project").exists())
    engine = LlamaCppEngine(
        tiny_base.gguf_path, {"v1": adapter.gguf_path}, slots=1, context_per_slot=512, threads=1
    )
    engine.start()
    try:
        assert prove(engine, "v1", samples_at(adapter.folder / PARITY_FILE)) == PROVEN
    finally:
        engine.stop()


def test_a_failure_is_seen_although_it_ends_with_0(trainer, stand_in, tiny_base, plain_adapter):
    stand_in.behaves(says=LOGS / "autotrain-tokenizer.log", makes=plain_adapter, code=0)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    assert status.state == JobState.FAILED
    assert "“ValueError: Tokenizer class TokenizersBackend does not exist" in status.error
    assert "autotrain.log" in status.error
    assert len(stand_in.starts) == 1


def test_a_command_that_ends_by_itself_gives_its_reason(trainer, stand_in, tiny_base):
    stand_in.behaves(says=LOGS / "autotrain-yaml.log", code=1)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    assert status.state == JobState.FAILED
    assert "“KeyError: 'chat_template'”" in status.error


def test_an_end_without_adapter_and_word_is_tried_again_and_then_said(trainer, stand_in, tiny_base):
    stand_in.behaves(code=0)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    assert status.state == JobState.FAILED
    assert "ended 3 times without a word" in status.error
    assert len(stand_in.starts) == 3


def test_half_an_adapter_and_one_whose_end_is_missing_are_none(plain_adapter, tmp_path):
    folder = JobFolder(tmp_path)
    result = shutil.copytree(plain_adapter, folder.project / "result")
    assert adapter_in(folder)
    weights, page = result / "adapter_model.safetensors", result / "README.md"
    whole = weights.read_bytes()

    weights.write_bytes(whole[: len(whole) // 2])
    assert adapter_in(folder) is None

    weights.write_bytes(whole)
    page.unlink()
    assert adapter_in(folder) is None


def test_what_an_earlier_life_left_is_removed_before_it_is_started_again(
    trainer, stand_in, tiny_base, plain_adapter, jobs_dir, models_dir
):
    stand_in.behaves(waits=True)
    job_id = run_until_it_waits(trainer, tiny_base, stand_in)
    left = JobFolder(jobs_dir / job_id).project / "result"
    left.mkdir()
    shutil.copy(plain_adapter / "adapter_model.safetensors", left)
    trainer.stop()
    stand_in.behaves(waits=True)

    again = make_trainer(jobs_dir, models_dir, stand_in)
    again.status(job_id)
    wait_until(lambda: len(stand_in.starts) == 2)

    assert not left.exists()


def test_an_adapter_of_another_shape_is_refused(
    trainer, stand_in, tiny_base, plain_adapter, tmp_path
):
    other = shutil.copytree(plain_adapter, tmp_path / "other")
    config = json.loads((other / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps(config | {"r": 4}))
    stand_in.behaves(makes=other)

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    assert status.state == JobState.FAILED
    assert "does not fit the base model" in status.error


def test_cancelling_ends_everything_it_started(trainer, stand_in, tiny_base, jobs_dir):
    stand_in.behaves(waits=True)
    job_id = run_until_it_waits(trainer, tiny_base, stand_in)

    trainer.cancel(job_id)

    assert trainer.status(job_id).state == JobState.CANCELLED
    assert not is_alive(stand_in.starts[0]["worker"])
    folder = JobFolder(jobs_dir / job_id)
    assert not folder.is_running()
    assert not folder.project.exists()


def test_stopping_ends_everything_and_a_later_life_begins_anew(
    trainer, stand_in, tiny_base, jobs_dir, models_dir, plain_adapter
):
    stand_in.behaves(waits=True, makes=plain_adapter)
    job_id = run_until_it_waits(trainer, tiny_base, stand_in)

    trainer.stop()
    was_alive = is_alive(stand_in.starts[0]["worker"])
    stand_in.gate.touch()
    status = wait_for_end(make_trainer(jobs_dir, models_dir, stand_in), job_id)

    assert not was_alive
    assert status.state == JobState.SUCCEEDED
    assert len(stand_in.starts) == 2


def test_kill_9_of_all_of_it_starts_it_again(trainer, stand_in, tiny_base, jobs_dir, plain_adapter):
    stand_in.behaves(waits=True, makes=plain_adapter)
    job_id = run_until_it_waits(trainer, tiny_base, stand_in)
    folder = JobFolder(jobs_dir / job_id)

    os.killpg(int(folder.process_id.read_text()), signal.SIGKILL)
    wait_until(lambda: not folder.is_running())
    stand_in.gate.touch()
    status = wait_for_end(trainer, job_id)

    assert status.state == JobState.SUCCEEDED
    assert len(stand_in.starts) == 2


def test_kill_9_of_our_child_alone_starts_nothing_twice(
    trainer, stand_in, tiny_base, jobs_dir, plain_adapter
):
    stand_in.behaves(waits=True, says=WORKED, makes=plain_adapter)
    job_id = run_until_it_waits(trainer, tiny_base, stand_in)
    folder = JobFolder(jobs_dir / job_id)
    child = int(folder.process_id.read_text())

    os.kill(child, signal.SIGKILL)
    wait_until(lambda: not is_alive(child))
    during = trainer.status(job_id).state
    stand_in.gate.touch()
    status = wait_for_end(trainer, job_id)

    assert (during, status.state) == (JobState.RUNNING, JobState.SUCCEEDED)
    assert len(stand_in.starts) == 1
    assert status.step == 14


# What may be missing or wrong


def test_an_environment_that_went_away_is_named(trainer, stand_in, tiny_base):
    (stand_in.folder / "autotrain").unlink()

    status = wait_for_end(trainer, trainer.start("run-1", TINY_ROWS, tiny_base))

    assert status.state == JobState.FAILED
    assert "`make setup-autotrain`" in status.error
    assert "AUTOTRAIN_PYTHON" in status.error


def test_a_row_longer_than_the_context_is_named(trainer, stand_in, tiny_base):
    rows = [*TINY_ROWS, row("keys " * 2000, "No.")]

    status = wait_for_end(trainer, trainer.start("run-1", rows, tiny_base))

    assert status.state == JobState.FAILED
    assert "Row 4 of the training data" in status.error
    assert stand_in.starts == []


def test_it_is_a_trainer_only_where_it_is_installed(stand_in, tmp_path):
    here = load_settings(autotrain_python=str(stand_in.python))
    nowhere = load_settings(autotrain_python=str(tmp_path / "python"))

    assert "autotrain" in here.trainers
    assert "autotrain" not in nowhere.trainers
    with pytest.raises(NoSuchTrainerError, match=r"make setup-autotrain.*there is `local`"):
        raise NoSuchTrainerError("autotrain", ["local"])
