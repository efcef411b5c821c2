"""
Where an interrupted run goes on: adapter, optimizer and step, in one file that is whole or old.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict, set_peft_model_state_dict

from bot.training.job_folder import write_whole


def write_checkpoint(
    path: Path, adapted: Any, optimizer: torch.optim.Optimizer, steps_done: int
) -> None:
    """
    Raises:
        OSError: it cannot be written; the one before is still there.
    """
    # Through memory: torch's own writer reports a full disk as a RuntimeError without a cause.
    buffer = io.BytesIO()
    torch.save(
        {
            "adapter": get_peft_model_state_dict(adapted),
            "optimizer": optimizer.state_dict(),
            "steps_done": steps_done,
        },
        buffer,
    )
    write_whole(path, buffer.getvalue())


def write_best(path: Path, adapted: Any) -> None:
    """
    Keep the adapter as it is now.

    Raises:
        OSError: it cannot be written; the one before is still there.
    """
    buffer = io.BytesIO()
    torch.save(get_peft_model_state_dict(adapted), buffer)
    write_whole(path, buffer.getvalue())


def read_best(path: Path, adapted: Any) -> None:
    """Put back what ``write_best`` kept."""
    set_peft_model_state_dict(adapted, torch.load(path, map_location="cpu", weights_only=True))


def read_checkpoint(path: Path, adapted: Any, optimizer: torch.optim.Optimizer) -> int:
    """Load what was saved into adapter and optimizer; return how many steps are done."""
    if not path.exists():
        return 0
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError):
        # Damaged outside of us: better begin anew than not at all.
        return 0
    set_peft_model_state_dict(adapted, saved["adapter"])
    optimizer.load_state_dict(saved["optimizer"])
    return int(saved["steps_done"])
