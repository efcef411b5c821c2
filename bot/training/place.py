"""
Where a training child computes: on which device, in what precision, with how many others.

One process of ``accelerate launch``, or the only one there is. Each takes its share of a batch and
adds up its gradients with the others', so that together they do what one alone would. The device
is accelerate's choice: CUDA, then MPS, then the processor; ``ACCELERATE_TORCH_DEVICE`` overrules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from transformers.modeling_layers import GradientCheckpointingLayer

Row = TypeVar("Row")


@dataclass(frozen=True)
class Place:
    """``rank`` is this process's number among ``count``; the first one writes all files."""

    device: torch.device
    dtype: torch.dtype = torch.float32
    rank: int = 0
    count: int = 1

    @classmethod
    def here(cls) -> "Place":
        """Find the device, and the other processes if accelerate started any."""
        has_gpu = torch.cuda.is_available() or torch.backends.mps.is_available()
        # Without this word several processes without a GPU would not know of each other.
        found: Any = PartialState(cpu=not has_gpu)
        device = found.device
        dtype = precision(device.type, has_bf16=_has_bf16(device.type))
        return cls(device, dtype, found.process_index, found.num_processes)

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @property
    def is_gpu(self) -> bool:
        return self.device.type != "cpu"

    def share(self, rows: Sequence[Row]) -> Sequence[Row]:
        """This process's part of a batch; of a small one some get nothing."""
        return rows[self.rank :: self.count]

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one exchange."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        torch.distributed.all_reduce(flat)
        at = 0
        for tensor in tensors:
            tensor.copy_(flat[at : at + tensor.numel()].view_as(tensor))
            at += tensor.numel()

    def agreed(self, wanted: bool) -> bool:
        """What the first process wants, told to all: clocks differ."""
        told = torch.tensor([float(wanted and self.is_first)], device=self.device)
        self.add_up([told])
        return bool(told.item())


def precision(device_type: str, *, has_bf16: bool) -> torch.dtype:
    """The frozen base in half the memory where the device computes so; adapters stay float32."""
    return torch.bfloat16 if device_type != "cpu" and has_bf16 else torch.float32


def compute_again(adapted: Any) -> None:
    """
    Keep no activations inside the layers; the way back computes them again.

    For a GPU, whose memory is what there is too little of. Prompts' states stay as they are: the
    cache that holds them is read only, which transformers cannot know.
    """
    for module in adapted.modules():
        if isinstance(module, GradientCheckpointingLayer):
            module._can_checkpoint_with_cache = True
    adapted.get_base_model().activation_checkpointing_enable({"use_reentrant": False})
    # Layers look at this before they forget; without dropout nothing else depends on it.
    adapted.train()


def _has_bf16(device_type: str) -> bool:
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device_type == "mps" and bool(torch.backends.mps.is_macos_or_newer(14, 0))
