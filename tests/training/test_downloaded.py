"""Adapters that a provider hands out: served by our engine where they fit, refused where not."""

import json
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from safetensors.numpy import load, save

from bot.engines.adapter_files import CONFIG, MANIFEST, WEIGHTS
from bot.engines.base_model import BaseModel
from bot.engines.intact import sha256_of
from bot.engines.llama_cpp import LlamaCppEngine
from bot.engines.model_place import RemoteModel
from bot.training.downloaded import Downloads
from bot.training.gguf_adapter import read_tensors
from bot.training.openai_api import OpenAITrainer
from bot.training.provider import nebius_provider
from bot.training.remote_errors import (
    AdapterKindError,
    AdapterMisfitError,
    NotAnApiError,
    TrainerUnavailableError,
)
from bot.training.trainer import Adapter
from tests.running_trainer import KEY, OTHER_KEY, RunningTrainer, running_trainer, trainer_at
from tests.scripted_trainer import ScriptedTrainer
from tests.training_job import TINY_ROWS, wait_for_end

JOB = "ftjob-1"
Q_PROJ = "base_model.model.model.layers.1.self_attn.q_proj"
Files = dict[str, bytes]


class CopyingTrainer(ScriptedTrainer):
    """Trains nothing and leaves an adapter that was trained before."""

    def __init__(self, folder: Path, adapter: Adapter) -> None:
        super().__init__(folder)
        self._adapter = adapter

    def result(self, job_id: str) -> Adapter:
        made = super().result(job_id)
        shutil.copytree(self._adapter.folder, made.folder, dirs_exist_ok=True)
        return made


@pytest.fixture
def service(tmp_path, tiny_base, tiny_adapter) -> Iterator[RunningTrainer]:
    def make_trainer(folder: Path, _: Any) -> CopyingTrainer:
        return CopyingTrainer(folder, tiny_adapter)

    with running_trainer(
        tmp_path / "service", make_trainer=make_trainer, base=tiny_base
    ) as running:
        yield running


@pytest.fixture
def files(tiny_adapter: Adapter) -> Files:
    return {name: (tiny_adapter.folder / name).read_bytes() for name in (CONFIG, WEIGHTS)}


@pytest.fixture
def downloads(tmp_path, tiny_base) -> Downloads:
    return Downloads(tmp_path / "jobs", tiny_base)


def nebius_at(
    service: RunningTrainer, base: BaseModel, downloads: Downloads | None
) -> OpenAITrainer:
    """The trainer ``nebius`` with its quirks; our service has hyperparameters of its own."""
    provider = nebius_provider(KEY, base.name, service.base_url)
    quirks = replace(provider.quirks, hyperparameters={"n_epochs": 3}, fewest_rows=1)
    return trainer_at(
        service, provider=replace(provider, quirks=quirks), downloads=downloads, max_retries=2
    )


def train(trainer: OpenAITrainer, base: BaseModel) -> str:
    job_id = trainer.start("run-1", TINY_ROWS, base)
    wait_for_end(trainer, job_id)
    return job_id


def test_an_adapter_tuned_elsewhere_answers_here_as_it_did_there(
    service, downloads, tiny_base, tiny_adapter, tiny_engine
):
    trainer = nebius_at(service, tiny_base, downloads)

    adapter = trainer.result(train(trainer, tiny_base))

    assert isinstance(adapter, Adapter)
    assert adapter.checksum == sha256_of(adapter.gguf_path)
    assert adapter.gguf_path.read_bytes() == tiny_adapter.gguf_path.read_bytes()
    engine = LlamaCppEngine(
        tiny_base.gguf_path,
        {"workspace-v9": adapter.gguf_path},
        slots=1,
        context_per_slot=512,
        threads=1,
    )
    engine.start()
    try:
        question = TINY_ROWS[0][:-1]
        here = engine.complete(question, adapter="workspace-v9", max_tokens=12)
    finally:
        engine.stop()
    assert here.text == tiny_engine.complete(question, adapter="workspace-v1", max_tokens=12).text


def test_it_is_downloaded_once(service, downloads, tiny_base):
    trainer = nebius_at(service, tiny_base, downloads)
    job_id = train(trainer, tiny_base)
    first = trainer.result(job_id)
    service.fault(kind="status", status=500, path="/v1/files", times=100)

    assert trainer.result(job_id) == first


def test_a_download_that_breaks_is_begun_again_later(service, downloads, tiny_base):
    trainer = nebius_at(service, tiny_base, downloads)
    job_id = train(trainer, tiny_base)
    service.fault(kind="drop", path="-adapter-1/content", times=3)

    with pytest.raises(TrainerUnavailableError):
        trainer.result(job_id)

    assert downloads.kept(job_id) is None
    assert isinstance(trainer.result(job_id), Adapter)


def test_a_web_page_in_its_place_is_no_damaged_adapter(service, downloads, tiny_base):
    trainer = nebius_at(service, tiny_base, downloads)
    job_id = train(trainer, tiny_base)
    service.fault(kind="html", status=200, path="/content", times=9)

    with pytest.raises(NotAnApiError):
        trainer.result(job_id)
    service.fault()

    assert isinstance(trainer.result(job_id), Adapter)


def test_with_another_base_here_the_model_stays_with_the_provider(service, tmp_path, tiny_base):
    other = replace(tiny_base, name="something-else")
    trainer = nebius_at(service, tiny_base, Downloads(tmp_path / "jobs", other))

    result = trainer.result(train(trainer, tiny_base))

    assert isinstance(result, RemoteModel)
    assert result.served_by == "nebius"
    assert not (tmp_path / "jobs").exists()


def test_a_provider_that_hands_nothing_out_keeps_the_model(service, downloads, tiny_base):
    trainer = nebius_at(service, tiny_base, downloads)
    job_id = train(trainer, tiny_base)
    page = {"object": "list", "data": [], "has_more": False}
    service.fault(kind="status", status=200, body=page, path="/checkpoints")

    assert isinstance(trainer.result(job_id), RemoteModel)


def test_damage_on_the_way_is_seen_by_the_checksum(service, downloads, tiny_base):
    trainer = nebius_at(service, tiny_base, downloads)
    job_id = train(trainer, tiny_base)
    weights = service.home / "adapters" / job_id / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-4] ^= 1
    weights.write_bytes(content)

    with pytest.raises(AdapterMisfitError, match="checksum of adapter_model"):
        trainer.result(job_id)

    assert downloads.kept(job_id) is None


def test_erasing_takes_the_adapter_from_the_provider(service, downloads, tiny_base):
    trainer = nebius_at(service, tiny_base, downloads)
    job_id = train(trainer, tiny_base)
    (checkpoint,) = service.client().fine_tuning.jobs.checkpoints.list(job_id)

    trainer.erase(job_id)

    assert checkpoint.result_files
    assert list((service.home / "adapters").iterdir()) == []
    (checkpoint,) = service.client().fine_tuning.jobs.checkpoints.list(job_id)
    assert checkpoint.result_files == []


def test_others_get_nothing_of_it(service, tiny_base):
    trainer = nebius_at(service, tiny_base, None)
    (checkpoint,) = service.client().fine_tuning.jobs.checkpoints.list(train(trainer, tiny_base))

    for file_id in checkpoint.result_files:
        with pytest.raises(openai.NotFoundError):
            service.client(OTHER_KEY).files.content(file_id)


def with_config(**changes: Any) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        files[CONFIG] = json.dumps(json.loads(files[CONFIG]) | changes).encode()

    return change


def with_tensors(change_tensors: Callable[[dict[str, np.ndarray]], Any]) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        tensors = load(files[WEIGHTS])
        change_tensors(tensors)
        files[WEIGHTS] = save(tensors)

    return change


def with_files(**changes: bytes | None) -> Callable[[Files], None]:
    names = {"config": CONFIG, "weights": WEIGHTS, "manifest": MANIFEST}

    def change(files: Files) -> None:
        for name, content in changes.items():
            files.pop(names[name], None)
            if content is not None:
                files[names[name]] = content

    return change


def _reshape(tensors: dict[str, np.ndarray]) -> None:
    tensors[f"{Q_PROJ}.lora_A.weight"] = tensors[f"{Q_PROJ}.lora_A.weight"][:, :-1].copy()


def _poison(tensors: dict[str, np.ndarray]) -> None:
    tensors[f"{Q_PROJ}.lora_B.weight"][0, 0] = np.nan


def _deeper(tensors: dict[str, np.ndarray]) -> None:
    name = f"{Q_PROJ}.lora_A.weight"
    tensors[name.replace("layers.1", "layers.7")] = tensors[name]


def _head(tensors: dict[str, np.ndarray]) -> None:
    tensors["base_model.model.lm_head.lora_A.weight"] = np.zeros((8, 64), np.float32)


MISFITS = [
    (with_files(weights=None), "adapter_model.safetensors is missing"),
    (with_files(config=b"<html>"), "adapter_config.json is no JSON"),
    (with_files(config=b"[]"), "adapter_config.json is not what it should be"),
    (with_files(weights=b"<html>502</html>"), "adapter_model.safetensors is damaged"),
    (with_files(weights=save({})), "is empty"),
    (with_files(manifest=json.dumps({"files": {WEIGHTS: "0" * 64}}).encode()), "checksum of"),
    (with_config(r=0), "rank r is no number"),
    (with_config(r="16"), "rank r is no number"),
    (with_config(r=3), "16x128 where 3x128 fits"),
    (with_config(lora_alpha=None), "lora_alpha is no number"),
    (with_config(lora_alpha=True), "lora_alpha is no number"),
    (with_config(base_model_name_or_path="meta-llama/Other-8B"), "tuned on meta-llama/Other-8B"),
    (with_config(target_modules=["q_proj"]), "target_modules are not those"),
    (with_tensors(_reshape), "63 where"),
    (with_tensors(_poison), "holds what is no number"),
    (with_tensors(_deeper), "layers.7"),
    (with_tensors(_head), "lm_head"),
    (with_tensors(lambda t: t.pop(f"{Q_PROJ}.lora_B.weight")), "one half of a pair"),
]


@pytest.mark.parametrize(("change", "words"), MISFITS, ids=[words for _, words in MISFITS])
def test_what_does_not_fit_is_refused_and_leaves_nothing(downloads, files, tmp_path, change, words):
    change(files)

    with pytest.raises(AdapterMisfitError) as refusal:
        downloads.keep("nebius", "tiny-llama", JOB, files)

    assert words in str(refusal.value)
    assert "Check that BASE_MODEL is tiny-llama, then train again" in str(refusal.value)
    assert downloads.kept(JOB) is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


#: Kinds of which no real one can be made here, for want of a GPU or a look at the data before.
OTHER_KINDS = [
    (with_config(peft_type="IA3"), "no LoRA adapter"),
    (with_config(init_lora_weights="loftq"), "init_lora_weights is loftq"),
    (with_config(init_lora_weights="corda"), "init_lora_weights is corda"),
    (with_config(init_lora_weights="lora_ga"), "init_lora_weights is lora_ga"),
    (with_config(init_lora_weights=["pissa"]), "init_lora_weights is ['pissa']"),
    (with_config(use_qalora=True), "use_qalora is set"),
    (with_config(target_parameters=["experts.w"]), "target_parameters is set"),
    (with_config(kasa_config={"beta": 1}), "kasa_config is set, and what that changes is not"),
    (with_config(of_next_year=True), "of_next_year is set, and what that changes is not known"),
    (with_config(alora_invocation_tokens="assistant"), "no list of tokens"),
    (with_config(alora_invocation_tokens=[1, -2]), "no list of tokens"),
]


@pytest.mark.parametrize(("change", "words"), OTHER_KINDS, ids=[words for _, words in OTHER_KINDS])
def test_what_our_engine_would_serve_wrongly_is_refused(downloads, files, tmp_path, change, words):
    change(files)

    with pytest.raises(AdapterKindError) as refusal:
        downloads.keep("nebius", "tiny-llama", JOB, files)

    assert words in str(refusal.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("kind", ["F16", "BF16"])
def test_half_precision_of_both_kinds_is_read(files, tmp_path, kind):
    exact = load(files[WEIGHTS])
    header, content = {}, b""
    for name, tensor in exact.items():
        bits = (tensor.view("<u4") >> 16).astype("<u2") if kind == "BF16" else tensor.astype("<f2")
        offsets = [len(content), len(content) + bits.nbytes]
        header[name] = {"dtype": kind, "shape": list(bits.shape), "data_offsets": offsets}
        content += bits.tobytes()
    text = json.dumps(header).encode()
    path = tmp_path / WEIGHTS
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)

    read = read_tensors(path)

    assert read.keys() == exact.keys()
    for name, tensor in exact.items():
        assert np.allclose(read[name], tensor, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("job_id", ["../run-7", "a/b", "..", "", "a\0b"])
def test_a_job_named_to_leave_its_folder_is_refused(downloads, files, tmp_path, job_id):
    with pytest.raises(AdapterMisfitError, match="a name that no file can have"):
        downloads.keep("nebius", "tiny-llama", job_id, files)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "name", "model", "is_ours"),
    [
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "0e9e39f2", "Meta-Llama-3.1-8B-Instruct", True),
        ("", "Llama-3.1-8B", "meta-llama/Llama-3.1-8B", True),
        ("", "Llama-3.1-8B", "meta-llama/Llama-3.1-8B-Reference", True),
        ("/models/Llama-3.1-8B.Q4_K_M.gguf", "x", "meta-llama/Llama-3.1-8B", True),
        ("", "SmolLM2-135M-Instruct", "meta-llama/Meta-Llama-3.1-8B-Instruct", False),
        ("", "x", "", False),
    ],
)
def test_a_base_is_known_by_its_name(tmp_path, setting, name, model, is_ours):
    base = BaseModel(name, Path("base.gguf"), "0" * 64)

    assert Downloads(tmp_path, base, setting).serves(model) is is_ours
