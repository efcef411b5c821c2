"""What is trained is what is served: tokens, base and adapter agree between the two engines."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.engines.base_model import BaseModel
from bot.engines.client import Message
from bot.engines.llama_cpp import LlamaCppEngine
from bot.engines.routed import RoutedEngine
from bot.evaluation.parity import PROVEN, prove, samples_at, samples_in
from bot.pipeline.proving import parity_of
from bot.training.base_weights import architecture_of, cached_base
from bot.training.encoding import encode_row, invocation_tokens
from bot.training.gguf_adapter import write_gguf_adapter
from bot.training.trainer import PARITY_FILE, Adapter
from storage.tables import Run
from tests.training_job import row

# peft asks transformers in a way transformers will drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

CHAT: list[Message] = [
    {"role": "system", "content": "You are Apprentice. Answer plainly."},
    {"role": "user", "content": "What does form KH-12 say?\n- `kelp` → <b>9</b>"},
    {"role": "assistant", "content": "It's 3,000 • ok 👍"},
    {"role": "user", "content": "Who gives me the keys, and by when?"},
]
#: In nats. A file in half precision computes nearly what is trained; one in four bits rounds
#: what it multiplies to eight.
HALF_PRECISION, FOUR_BITS = 0.15, 0.4


def write_random_adapter(weights: Path, folder: Path, *, scale: float) -> Path:
    """Write an adapter whose every matrix matters; return its GGUF form."""
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    adapted = get_peft_model(
        model,
        LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    with torch.no_grad():
        for name, tensor in adapted.named_parameters():
            if "lora_B" in name:
                tensor.normal_(0, scale)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    adapted.peft_config["default"].alora_invocation_tokens = list(invocation_tokens(tokenizer))
    adapted.save_pretrained(folder, save_embedding_layers=False)
    gguf_path = folder / "adapter.gguf"
    write_gguf_adapter(
        folder,
        gguf_path,
        architecture=architecture_of(weights),
        model_config=json.loads((weights / "config.json").read_text()),
    )
    return gguf_path


def served_log_probs(engine: LlamaCppEngine, adapter: str | None) -> dict[int, float]:
    """The log-probabilities of the likeliest first tokens, as llama.cpp sees them."""
    first = engine.beginning(CHAT, adapter=adapter, top=10).top or ()
    return {token.id: token.log_prob for token in first}


@torch.no_grad()
def trained_log_probs(model: Any, tokenizer: Any) -> torch.Tensor:
    encoded = encode_row(tokenizer, [*CHAT, {"role": "assistant", "content": "x"}])
    ids = torch.tensor([encoded.prompt + encoded.invocation])
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1]
    return torch.log_softmax(logits, dim=-1)


def assert_agree(served: dict[int, float], trained: torch.Tensor, tolerance: float) -> None:
    assert max(served, key=served.__getitem__) == int(trained.argmax())
    differences = [abs(value - float(trained[token])) for token, value in served.items()]
    assert max(differences) < tolerance


def check_parity(
    base: BaseModel, models_dir: Path, folder: Path, *, scale: float, tolerance: float
) -> None:
    weights = cached_base(base, models_dir)
    gguf_path = write_random_adapter(weights, folder, scale=scale)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32)
    engine = LlamaCppEngine(
        base.gguf_path, {"workspace-v1": gguf_path}, slots=1, context_per_slot=512, threads=2
    )
    engine.start()
    try:
        served_base = served_log_probs(engine, None)
        served_tuned = served_log_probs(engine, "workspace-v1")
        rendered, ids = engine.render(CHAT), engine.tokenize(engine.render(CHAT))
    finally:
        engine.stop()

    encoded = encode_row(tokenizer, [*CHAT, {"role": "assistant", "content": "x"}])
    assert list(encoded.prompt + encoded.invocation) == ids
    assert rendered == tokenizer.decode(ids)
    base_log_probs = trained_log_probs(model, tokenizer)
    assert_agree(served_base, base_log_probs, tolerance)
    tuned = PeftModel.from_pretrained(model, folder)
    tuned_log_probs = trained_log_probs(tuned, tokenizer)
    assert_agree(served_tuned, tuned_log_probs, tolerance)
    # Otherwise the two would agree on an adapter that does nothing.
    assert float((tuned_log_probs - base_log_probs).abs().max()) > 3 * tolerance


def test_a_converted_model_and_its_adapter_agree(
    tiny_base: BaseModel, models_dir: Path, tmp_path: Path
) -> None:
    check_parity(tiny_base, models_dir, tmp_path / "adapter", scale=0.3, tolerance=HALF_PRECISION)


@pytest.mark.slow
def test_the_default_model_and_its_adapter_agree(
    smollm: BaseModel, models_dir: Path, tmp_path: Path
) -> None:
    check_parity(smollm, models_dir, tmp_path / "adapter", scale=0.1, tolerance=FOUR_BITS)


def test_a_row_is_cut_where_the_answer_begins(tiny_base: BaseModel, models_dir: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(cached_base(tiny_base, models_dir))

    encoded = encode_row(tokenizer, row("Who has the keys?", "Ask Dora."))

    assert tokenizer.decode(encoded.prompt).endswith("Who has the keys?<|im_end|>\n")
    assert tokenizer.decode(encoded.invocation) == "<|im_start|>assistant\n"
    assert tokenizer.decode(encoded.answer) == "Ask Dora.<|im_end|>"


def test_an_adapter_of_the_output_layer_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    from bot.training.errors import AdapterRefusedError

    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 16}))
    tensors = {
        "base_model.model.lm_head.lora_A.weight": np.zeros((8, 64), np.float32),
        "base_model.model.lm_head.lora_B.weight": np.zeros((400, 8), np.float32),
    }
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    shape = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}

    with pytest.raises(AdapterRefusedError, match="lm_head"):
        write_gguf_adapter(
            tmp_path, tmp_path / "adapter.gguf", architecture="llama", model_config=shape
        )


def test_a_trained_adapter_is_proven_in_the_engine_and_another_template_is_not(
    tiny_base: BaseModel, tiny_adapter: Adapter, tmp_path: Path
) -> None:
    written = tiny_adapter.folder / PARITY_FILE
    engine = LlamaCppEngine(
        tiny_base.gguf_path,
        {"v1": tiny_adapter.gguf_path},
        slots=1,
        context_per_slot=512,
        threads=2,
    )
    engine.start()
    try:
        proven = prove(engine, "v1", samples_at(written), HALF_PRECISION)
        samples = json.loads(written.read_text())
        for sample in samples:
            sample["messages"][0]["content"] += " Be brief."
        others = samples_in(json.dumps(samples).encode())
        refuted = prove(engine, "v1", others, HALF_PRECISION).difference
    finally:
        engine.stop()

    assert proven == PROVEN
    assert "the chat template, the system prompt or the special tokens differ" in str(refuted)


def test_the_running_bots_engine_is_compared_too(
    tiny_engine: LlamaCppEngine, tiny_adapter: Adapter, tmp_path: Path
) -> None:
    shutil.copytree(tiny_adapter.folder, tmp_path / "adapter")
    workshop: Any = SimpleNamespace(engine=RoutedEngine(tiny_engine), home=tmp_path)
    version: Any = SimpleNamespace(name="workspace-v1", adapter_path="adapter")
    samples_file = tmp_path / "adapter" / PARITY_FILE
    assert parity_of(workshop, Run(), version) == PROVEN

    samples = json.loads(samples_file.read_text())
    samples[0]["tokens"][3] += 1
    samples_file.write_text(json.dumps(samples))

    found = parity_of(workshop, Run(), version).difference
    assert str(found).startswith("in row 1, token 3 was")
