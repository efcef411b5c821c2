"""
An adapter tuned elsewhere as a version of our own engine's: checked, converted, kept.

Files of others are not trusted: what does not fit the base to the last row is refused, and nothing
of it stays. The folder is that of a job of this machine, written beside and renamed.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.engines.adapter_files import CONFIG, GGUF, MANIFEST, WEIGHTS, write_manifest
from bot.engines.base_model import BaseModel
from bot.training.adapter_kinds import why_not_served
from bot.training.errors import AdapterRefusedError, TrainingDiskError
from bot.training.job_folder import JobFolder, is_plain_name
from bot.training.remote_errors import AdapterKindError, AdapterMisfitError
from bot.training.trainer import Adapter

if TYPE_CHECKING:
    from bot.training.gguf_adapter import BaseShape


class Downloads:
    """The adapters that fit ``base``, by the ids of the jobs that made them."""

    def __init__(self, jobs_dir: Path, base: BaseModel, setting: str = "") -> None:
        """``setting`` is BASE_MODEL: what it names, the base may go by as well."""
        self._jobs_dir = jobs_dir
        self._base = base
        self._names = {_plain_name(name) for name in (base.name, setting) if name}

    def serves(self, model: str) -> bool:
        """Whether the base is this model, by its name; ``keep`` looks closer."""
        return _plain_name(model) in self._names

    def kept(self, job_id: str) -> Adapter | None:
        """The adapter of a job that was downloaded before."""
        folder = self._folder(job_id)
        if folder is None or not folder.adapter.exists():
            return None
        return Adapter.at(folder.adapter)

    def keep(self, trainer: str, model: str, job_id: str, files: Mapping[str, bytes]) -> Adapter:
        """
        Check and convert what ``trainer`` handed out for ``model``.

        Raises:
            AdapterMisfitError: it does not fit the base, or is damaged.
            AdapterKindError: our engine would serve something else than was tuned.
            TrainingDiskError: it cannot be written.
        """
        folder = self._folder(job_id)
        if folder is None:
            raise AdapterMisfitError(trainer, model, "its job has a name that no file can have")
        try:
            self._convert(folder, trainer, files)
        except _MisfitError as misfit:
            raise AdapterMisfitError(trainer, model, str(misfit)) from misfit
        except _OtherKindError as other:
            raise AdapterKindError(trainer, model, str(other)) from other
        except AdapterRefusedError as refused:
            why = f"it changes {refused.part[:80]}, which the engine keeps as the base has it"
            raise AdapterKindError(trainer, model, why) from refused
        except OSError as error:
            raise TrainingDiskError(error) from error
        finally:
            shutil.rmtree(folder.partial_adapter, ignore_errors=True)
        adapter = self.kept(job_id)
        assert adapter is not None
        return adapter

    def _convert(self, folder: JobFolder, trainer: str, files: Mapping[str, bytes]) -> None:
        # These take a second to import, and only a download needs them.
        from bot.training.gguf_adapter import BaseShape, write_gguf_adapter

        for name in (CONFIG, WEIGHTS):
            if name not in files:
                raise _MisfitError(f"{name} is missing")
        _compare_checksums(files)
        config = _json(files[CONFIG], CONFIG)
        self._check_config(config)
        partial = folder.partial_adapter
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / CONFIG).write_bytes(files[CONFIG])
        (partial / WEIGHTS).write_bytes(files[WEIGHTS])
        shape = BaseShape.of(self._base.gguf_path)
        _check_tensors(partial / WEIGHTS, config, shape)
        write_gguf_adapter(
            partial,
            partial / GGUF,
            architecture=shape.architecture,
            model_config=shape.model_config,
        )
        write_manifest(partial, self._base, {"trained_by": trainer})
        shutil.rmtree(folder.adapter, ignore_errors=True)
        partial.rename(folder.adapter)

    def _check_config(self, config: Mapping[str, Any]) -> None:
        if why := why_not_served(config):
            raise _OtherKindError(why)
        rank: Any = config.get("r")
        alpha: Any = config.get("lora_alpha")
        if type(rank) is not int or rank < 1:
            raise _MisfitError("its rank r is no number from 1")
        if type(alpha) not in (int, float) or not math.isfinite(alpha) or alpha <= 0:
            raise _MisfitError("its lora_alpha is no number above 0")
        tuned = config.get("base_model_name_or_path")
        if tuned and not self.serves(str(tuned)):
            raise _MisfitError(f"it was tuned on {str(tuned)[:100]}, and the base here is another")

    def _folder(self, job_id: str) -> JobFolder | None:
        return JobFolder(self._jobs_dir / job_id) if is_plain_name(job_id) else None


class _MisfitError(Exception):
    """Why an adapter does not fit, for the middle of a sentence."""


class _OtherKindError(Exception):
    """What the engine would compute wrongly, for the middle of a sentence."""


def _check_tensors(path: Path, config: Mapping[str, Any], shape: "BaseShape") -> None:
    """Each matrix must have the rank of the config and the sides of what it adapts."""
    import numpy as np
    from safetensors import SafetensorError

    from bot.training.gguf_adapter import adapted_tensor, read_tensors

    try:
        tensors = read_tensors(path)
    except SafetensorError as error:
        raise _MisfitError(f"{WEIGHTS} is damaged") from error
    if not tensors:
        raise _MisfitError(f"{WEIGHTS} is empty")
    rank, seen = config["r"], set()
    pairs: dict[str, set[str]] = {}
    for name, tensor in sorted(tensors.items()):
        module, kind, target = adapted_tensor(name, shape)
        if target not in shape.sides:
            raise _MisfitError(f"the base has no {module[:80]}")
        taken, given = shape.sides[target]
        wanted = (rank, taken) if kind == "lora_a" else (given, rank)
        if tensor.shape != wanted:
            raise _MisfitError(
                f"{module[:80]} is {_sides(tensor.shape)} where {_sides(wanted)} fits"
            )
        if not np.isfinite(tensor).all():
            raise _MisfitError(f"{module[:80]} holds what is no number")
        pairs.setdefault(module, set()).add(kind)
        seen.add(module.rpartition(".")[2])
    if any(len(kinds) < 2 for kinds in pairs.values()):
        raise _MisfitError("one half of a pair of matrices is missing")
    targets = config.get("target_modules")
    if isinstance(targets, list) and {str(name).rpartition(".")[2] for name in targets} != seen:
        raise _MisfitError("its target_modules are not those it has matrices for")


def _compare_checksums(files: Mapping[str, bytes]) -> None:
    """Where the provider sent a list of SHA-256 sums, its files must be those."""
    listed = _json(files[MANIFEST], MANIFEST).get("files") if MANIFEST in files else None
    for name, checksum in listed.items() if isinstance(listed, dict) else ():
        if name in files and hashlib.sha256(files[name]).hexdigest() != checksum:
            raise _MisfitError(f"the checksum of {name} is not the one the provider gave")


def _json(content: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError as error:
        raise _MisfitError(f"{name} is no JSON") from error
    if not isinstance(found, dict):
        raise _MisfitError(f"{name} is not what it should be")
    return found


def _sides(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)


def _plain_name(model: str) -> str:
    """``meta-llama/X``, Together's ``X-Reference``, ``/models/X.Q4_K_M.gguf`` and ``x`` are one."""
    name = model.rstrip("/").rpartition("/")[2].removesuffix(".gguf")
    return name.split(".Q")[0].split(".F")[0].casefold().removesuffix("-reference")
