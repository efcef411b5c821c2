"""Real adapters of peft's, of every kind: served as they were trained, or refused with a reason."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.engines.adapter_files import CONFIG, WEIGHTS
from bot.engines.base_model import BaseModel
from bot.engines.llama_cpp import LlamaCppEngine
from bot.training.downloaded import Downloads
from bot.training.remote_errors import AdapterKindError, AdapterMisfitError
from tests.tiny_model import LAYERS, write_tiny_model
from tests.training_job import TINY_ROWS

# peft asks transformers in a way transformers will drop, and says what it thinks of a choice.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture(scope="module")
def pristine(tiny_folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)


@pytest.fixture
def downloads(tmp_path: Path, tiny_base: BaseModel) -> Downloads:
    return Downloads(tmp_path / "jobs", tiny_base)


def tuned(pristine: Any, folder: Path | None = None, **options: Any) -> PeftModel:
    """
    The tiny model with an adapter of this kind, every matrix of which was moved; ``folder`` is for
    what it begins with.
    """
    torch.manual_seed(3)
    given: dict[str, Any] = {"r": 8, "lora_alpha": 16, "target_modules": LINEAR} | options
    adapted = get_peft_model(copy.deepcopy(pristine), LoraConfig(task_type="CAUSAL_LM", **given))
    if folder:
        # As peft's guide has it: what it begins with is kept, and taken off again at the end.
        adapted.peft_config["default"].init_lora_weights = True
        adapted.save_pretrained(folder, save_embedding_layers=False)
    with torch.no_grad():
        for tensor in adapted.parameters():
            if tensor.requires_grad:
                tensor.add_(torch.randn_like(tensor) * 0.1)
    return adapted


def files_of(adapted: PeftModel, folder: Path, begun: Path | None = None) -> dict[str, bytes]:
    options = {"path_initial_model_for_weight_conversion": str(begun)} if begun else {}
    adapted.save_pretrained(folder, save_embedding_layers=False, **options)
    config = json.loads((folder / CONFIG).read_text()) | {"base_model_name_or_path": ""}
    (folder / CONFIG).write_text(json.dumps(config))
    return {name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS)}


#: Logits that differ by less may come out in either order: the engine computes with fewer digits.
TIE = 0.01

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"init_lora_weights": "pissa"}, "init_lora_weights is pissa, which changes the base's own"),
    ({"init_lora_weights": "pissa_niter_2"}, "init_lora_weights is pissa_niter_2, which changes"),
    ({"init_lora_weights": "olora"}, "init_lora_weights is olora, which changes the base's own"),
    ({"use_dora": True}, "use_dora is set: it scales whole columns"),
    ({"use_rslora": True}, "use_rslora is set: it is scaled by the root of its rank"),
    ({"modules_to_save": ["lm_head"]}, "modules_to_save is set: whole layers were tuned along"),
    ({"rank_pattern": {"q_proj": 4}}, "rank_pattern is set: its layers differ in rank"),
    ({"alpha_pattern": {"q_proj": 32}}, "alpha_pattern is set: its layers differ in scale"),
    ({"lora_bias": True}, "lora_bias is set: it holds biases"),
    ({"bias": "all"}, "bias is set: the base's biases were tuned along"),
    ({"trainable_token_indices": [1, 2]}, "trainable_token_indices is set: embeddings were tuned"),
    ({"target_modules": [*LINEAR, "embed_tokens"]}, "embed_tokens"),
    ({"layer_replication": [[0, 2], [0, 2]]}, "layer_replication is set: it was tuned on a base"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[str(each) for each, _ in REFUSED])
def test_what_the_engine_would_compute_otherwise_is_refused(
    pristine, downloads, tmp_path, options, words
):
    files = files_of(tuned(pristine, **options), tmp_path / "peft")

    with pytest.raises(AdapterKindError) as refusal:
        downloads.keep("nebius", "tiny-llama", "ftjob-1", files)

    assert words in str(refusal.value)
    assert "Have `nebius` train a plain LoRA" in str(refusal.value)
    assert "set BASE_MODEL to something else than tiny-llama" in str(refusal.value)
    assert downloads.kept("ftjob-1") is None
    assert not (tmp_path / "jobs").exists() or list((tmp_path / "jobs").rglob("*.gguf")) == []


def test_an_adapter_of_another_base_is_refused_by_its_name_and_by_its_shape(downloads, tmp_path):
    deeper = write_tiny_model(tmp_path / "deeper", layers=LAYERS + 1)
    other = tuned(AutoModelForCausalLM.from_pretrained(deeper, dtype=torch.float32))
    files = files_of(other, tmp_path / "peft")
    named = json.loads(files[CONFIG]) | {"base_model_name_or_path": str(deeper)}

    with pytest.raises(AdapterMisfitError, match=r"the base has no .*layers\.2"):
        downloads.keep("nebius", "tiny-llama", "ftjob-1", files)
    with pytest.raises(AdapterMisfitError, match=r"was tuned on .*deeper, and the base here"):
        downloads.keep(
            "nebius", "tiny-llama", "ftjob-2", files | {CONFIG: json.dumps(named).encode()}
        )


def test_kinds_that_only_begin_otherwise_are_served_as_they_were_trained(
    pristine, downloads, tmp_path, tiny_base, tiny_folder
):
    kinds = {
        "gaussian": tuned(pristine, init_lora_weights="gaussian"),
        "orthogonal": tuned(pristine, init_lora_weights="orthogonal"),
        "mica": tuned(pristine, init_lora_weights="mica"),
        "upper": tuned(pristine, layers_to_transform=[LAYERS - 1]),
        "few": tuned(pristine, target_modules=".*self_attn.*(q|v)_proj"),
    }
    begun = tmp_path / "begun"
    kinds["converted"] = tuned(pristine, begun, init_lora_weights="pissa")
    adapters, expected = {}, {}
    for name, adapted in kinds.items():
        files = files_of(adapted, tmp_path / name, begun if name == "converted" else None)
        adapters[name] = downloads.keep("nebius", "tiny-llama", name, files).gguf_path
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    prompt = tokenizer.apply_chat_template(
        TINY_ROWS[0][:-1], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    for name, adapted in kinds.items():
        expected[name] = tokenizer.decode(clear_words(adapted.eval(), prompt))
    engine = LlamaCppEngine(tiny_base.gguf_path, adapters, slots=1, context_per_slot=512, threads=1)
    engine.start()
    try:
        served = {
            name: engine.complete(TINY_ROWS[0][:-1], adapter=name, max_tokens=8).text
            for name in adapters
        }
    finally:
        engine.stop()
    assert {name: said[: len(expected[name])] for name, said in served.items()} == expected
    assert len(set(expected.values())) == len(kinds)


def clear_words(model, prompt) -> list[int]:
    """What is said until two words are as good as each other, as rounding chooses between them."""
    with torch.no_grad():
        made = model.generate(
            **prompt, max_new_tokens=8, do_sample=False, output_logits=True,
            return_dict_in_generate=True,
        )  # fmt: skip
    said = made.sequences[0, prompt["input_ids"].shape[1] :].tolist()
    best = [step[0].topk(2).values for step in made.logits]
    clear = next((n for n, (one, two) in enumerate(best) if one - two < TIE), len(said))
    assert clear > 1
    return said[:clear]
