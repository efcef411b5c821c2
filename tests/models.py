"""Fixtures that load models; a conftest takes what it needs by importing it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.engines.base_model import BaseModel, gguf_base_model, resolve_base_model
from bot.engines.hugging_face import gguf_of_folder
from bot.engines.llama_cpp import LlamaCppEngine
from bot.training.hyperparameters import Hyperparameters
from bot.training.local import LocalTrainer
from bot.training.trainer import Adapter
from tests.tiny_model import write_tiny_model
from tests.training_job import TINY_ROWS, wait_for_end


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is converted and dequantised once for all tests."""
    return tmp_path_factory.mktemp("models")


#: Of two layers half would be one, and what it changes of a random model cannot be seen.
SEEN = Hyperparameters(num_train_epochs=3, threads=1, trained_share=1.0)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("hub") / "tiny-llama")


@pytest.fixture(scope="session")
def tiny_base(tiny_folder: Path, models_dir: Path) -> BaseModel:
    return gguf_base_model(gguf_of_folder(tiny_folder, models_dir))


@pytest.fixture(scope="session")
def tiny_adapter(
    tiny_base: BaseModel, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Adapter:
    """The tiny base, fine-tuned on three rows."""
    trainer = LocalTrainer(tmp_path_factory.mktemp("jobs"), models_dir, SEEN)
    job_id = trainer.start("tiny", TINY_ROWS, tiny_base)
    wait_for_end(trainer, job_id)
    return trainer.result(job_id)


@pytest.fixture(scope="session")
def tiny_engine(tiny_base: BaseModel, tiny_adapter: Adapter) -> Iterator[LlamaCppEngine]:
    """The tiny base and its adapter as ``workspace-v1``; tests leave its child as it is."""
    engine = LlamaCppEngine(
        tiny_base.gguf_path,
        {"workspace-v1": tiny_adapter.gguf_path},
        slots=2,
        context_per_slot=512,
        threads=1,
    )
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def smollm() -> BaseModel:
    return resolve_base_model("", Path())
