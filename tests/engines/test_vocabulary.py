"""Tokens counted without an engine are the engine's tokens."""

from bot.engines.base_model import BaseModel
from bot.engines.llama_cpp import LlamaCppEngine
from bot.engines.vocabulary import estimating, vocabulary_of

CHATS = [
    [("user", "Where's the key of room 2024?"), ("assistant", "On hook 12, I'd say.")],
    [("system", "Be brief."), ("user", "naïve 日本語 🎉\n\n  x"), ("assistant", "<|im_end|> ok\t")],
    [("user", "a" * 500), ("assistant", "1234567890 == `code`"), ("user", "?"), ("assistant", "!")],
]


def test_counts_equal_the_engines(tiny_base: BaseModel):
    vocabulary = vocabulary_of(tiny_base.gguf_path)
    engine = LlamaCppEngine(tiny_base.gguf_path, slots=1, context_per_slot=512, threads=1)
    engine.start()
    try:
        for turns in CHATS:
            chat = [{"role": role, "content": content} for role, content in turns]
            asked = engine.count_tokens(chat[:-1])

            # The engine renders what stands before an answer; the vocabulary counts all of it.
            whole = len(engine.tokenize(engine.render(chat[:-1]) + chat[-1]["content"]))
            assert asked < whole <= vocabulary.count(chat) <= whole + 4
    finally:
        engine.stop()
    assert vocabulary.is_exact


def test_an_estimate_says_that_it_is_one():
    vocabulary = estimating("there is no model")

    assert not vocabulary.is_exact
    assert vocabulary.count([{"role": "user", "content": "x" * 30}]) > 10


def test_a_file_whose_tokenizer_is_not_known_is_estimated(tmp_path):
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF" + bytes(100))

    assert not vocabulary_of(path).is_exact
