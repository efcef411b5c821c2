"""What ``BASE_MODEL`` may be, and what is said where it is something else."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.engines.base_model import BaseModel, gguf_base_model, resolve_base_model
from bot.engines.errors import BaseModelError


def test_nothing_set_is_the_packaged_instruct_model(tmp_path: Path) -> None:
    base = resolve_base_model("", tmp_path)

    assert base.name == "SmolLM2-135M-Instruct"
    assert base.gguf_path.suffix == ".gguf"
    assert len(base.digest) == 64


def test_a_gguf_file_is_taken_as_it_is(tiny_base: BaseModel, tmp_path: Path) -> None:
    base = resolve_base_model(str(tiny_base.gguf_path), tmp_path)

    assert base == tiny_base
    assert list(tmp_path.iterdir()) == []


def test_a_hugging_face_folder_is_converted_once(tiny_folder: Path, tmp_path: Path) -> None:
    base = resolve_base_model(str(tiny_folder), tmp_path)
    written = base.gguf_path.stat().st_mtime_ns
    again = resolve_base_model(str(tiny_folder), tmp_path)

    assert again == base
    assert base.gguf_path.stat().st_mtime_ns == written
    assert list(tmp_path.iterdir()) == [base.gguf_path]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"nothing-here\.gguf cannot be read"):
        resolve_base_model(str(tmp_path / "nothing-here.gguf"), tmp_path)


@pytest.mark.parametrize("content", [b"", b"GG", b"something else entirely"])
def test_a_file_that_is_no_gguf_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)

    with pytest.raises(BaseModelError, match="Set BASE_MODEL to a GGUF file"):
        resolve_base_model(str(path), tmp_path)


def test_a_model_without_chat_template_is_refused(tiny_base: BaseModel, tmp_path: Path) -> None:
    path = tmp_path / "plain.gguf"
    content = tiny_base.gguf_path.read_bytes()
    path.write_bytes(content.replace(b"tokenizer.chat_template", b"tokenizer.chat_tempest!"))

    with pytest.raises(BaseModelError, match="no instruct model"):
        gguf_base_model(path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match="holds no Hugging Face model"):
        resolve_base_model(str(tmp_path), tmp_path)


def test_an_architecture_nobody_converts_is_named(tiny_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mamba"
    folder.mkdir()
    for file in tiny_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"llama"', '"mamba"'))

    with pytest.raises(BaseModelError, match=r"its architecture 'mamba'.*GGUF file of it instead"):
        resolve_base_model(str(folder), tmp_path / "models")

    assert list((tmp_path / "models").iterdir()) == []


def test_a_name_that_cannot_be_fetched_is_refused_with_a_sentence(tmp_path: Path) -> None:
    # In a process of its own: the hub's client reads its offline switch when it is imported.
    code = (
        "from pathlib import Path\n"
        "from bot.engines.base_model import resolve_base_model\n"
        "from bot.errors import BotError\n"
        "try:\n"
        f"    resolve_base_model('nobody/no-such-model', Path({str(tmp_path)!r}))\n"
        "except BotError as error:\n"
        "    print(error)\n"
    )

    answer = subprocess.run(
        ["env", "HF_HUB_OFFLINE=1", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "nobody/no-such-model cannot be fetched" in answer.stdout
