"""
A folder that ``datasets.load_dataset(folder)`` reads: JSONL splits and a README as data card.

JSON Lines and not Parquet, because the card names the files all the same and nothing has to be
installed to write or read them. What has no fixed shape travels as JSON text: a column has one
type in all rows.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

from bot.dataset.errors import ExportRefusedError, FileRefusedError
from bot.dataset.formats import jsonl, metadata, openai_chat
from bot.dataset.formats.jsonl import Json
from bot.dataset.record import Record, Row
from bot.dataset.whole_file import refusal, replace_folder

#: What a split is called here and in its file; the order is that of the card.
SPLITS = ("train", "validation", "test")
CARD = "README.md"


def read(path: Path, encoding: str = "") -> Iterator[Row]:
    """Read the splits of a folder one after the other, or one JSONL file of it."""
    if not path.is_dir():
        yield from jsonl.rows(path, encoding, parse)
        return
    files = [path / "data" / f"{split}.jsonl" for split in SPLITS]
    if not any(file.exists() for file in files):
        raise FileRefusedError(f"{path} has no data/train.jsonl, so it is no folder of ours.")
    for file in files:
        if file.exists():
            yield from jsonl.rows(file, encoding, parse)


def parse(row: Json) -> Record:
    """
    Raises:
        RowError: it is no chat that ends with an answer.
    """
    found = row.get(metadata.KEY)
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            found = "broken"  # and refused as such
    return openai_chat.parse({"messages": row.get("messages"), metadata.KEY: found})


def dump(record: Record) -> Json:
    """Every row has all columns, and each column one type."""
    chat = openai_chat.dump(record, plain=True)["messages"]
    return {
        "question": record.question,
        "answer": record.answer,
        "messages": [{"role": turn["role"], "content": turn["content"]} for turn in chat],
        "wordings": [phrase.text for phrase in record.wordings],
        "tags": list(record.tags),
        "audience": record.audience or "",
        "source": record.answer_source or "",
        metadata.KEY: json.dumps(
            metadata.of(record) | ({"context": list(record.context)} if record.context else {}),
            ensure_ascii=False,
        ),
    }


def write(
    records: Iterable[Record], split_of: Callable[[Record], str], wanted: Path, audience: str
) -> int:
    """
    Write the folder and return how many rows are in it; it appears once it is whole.

    Raises:
        ExportRefusedError: something else is there already, or nothing can be written.
    """
    if wanted.exists() and not (wanted / CARD).exists() and (wanted.is_file() or _has(wanted)):
        raise ExportRefusedError(
            f"{wanted} is there already and is no export of ours. Name a new folder with -o."
        )
    try:
        with tempfile.TemporaryDirectory(dir=wanted.absolute().parent, prefix=".hf-") as holder:
            made = Path(holder) / "made"
            counts, sources = _write_splits(records, split_of, made / "data")
            (made / CARD).write_text(_card(counts, sources, audience), encoding="utf-8")
            replace_folder(made, wanted.absolute())
    except OSError as error:
        raise refusal(wanted, error) from None
    return sum(counts.values())


def _has(folder: Path) -> bool:
    return any(folder.iterdir())


def _write_splits(
    records: Iterable[Record], split_of: Callable[[Record], str], folder: Path
) -> tuple[Counter[str], Counter[str]]:
    folder.mkdir(parents=True)
    counts: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    files = {name: (folder / f"{name}.jsonl").open("w", encoding="utf-8") for name in SPLITS}
    try:
        for record in records:
            split = split_of(record)
            files[split].write(jsonl.dump(dump(record)))
            counts[split] += 1
            sources[record.answer_source or "unknown"] += 1
    finally:
        for file in files.values():
            file.close()
    for name in SPLITS:
        # `load_dataset` cannot read a file without a row.
        if not counts[name] and (counts or name != SPLITS[0]):
            (folder / f"{name}.jsonl").unlink()
    return counts, sources


def _card(counts: Counter[str], sources: Counter[str], audience: str) -> str:
    total = sum(counts.values())
    splits = [name for name in SPLITS if counts[name]] or [SPLITS[0]]
    files = "".join(f"      - split: {name}\n        path: data/{name}.jsonl\n" for name in splits)
    rows = "".join(f"| {name} | {counts[name]} |\n" for name in splits)
    from_where = "".join(f"| {name} | {count} |\n" for name, count in sorted(sources.items()))
    return f"""---
pretty_name: Questions and answers of {audience}
license: other
license_name: internal
task_categories:
  - question-answering
  - text-generation
size_categories:
  - {_size(total)}
configs:
  - config_name: default
    data_files:
{files}---

# Questions and answers of {audience}

{total} examples, exported by Apprentice on {date.today().isoformat()}. People of the team marked
each of them as a good answer, or typed or imported it. Secrets and personal data were replaced
before anything was stored.

| split | examples |
| --- | --- |
{rows}
No question of `test` or `validation` has a near-duplicate in `train`.

| where the answer is from | examples |
| --- | --- |
{from_where}
Columns: `question`, `answer`, `messages` (chat format), `wordings` (other ways the question was
asked; meant for evaluation), `tags`, `audience` (who may see it), `source`, and `{metadata.KEY}`
(JSON: what `python -m bot dataset import --format hf` needs to lose nothing).

## Rights

Answers from `slack_message` were written in Slack. Slack's developer policy forbids training a
language model on Slack data. Whether you may, and who may see these rows, is for you to find out
before you share or train on them.
"""


def _size(total: int) -> str:
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
    return next((name for bound, name in bounds if total < bound), "100K<n<1M")
