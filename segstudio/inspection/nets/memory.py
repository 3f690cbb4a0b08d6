"""How much memory a backward pass may take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text

_SHARE: Final = 0.5
"""Of the free memory; the gradients themselves and the rest of the program need some, too."""
_UNKNOWN: Final = 4 << 30


def memory_to_spare(device: torch.device) -> int:
    """Bytes on a device that the tensors kept for a backward pass may take now."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * _SHARE)
    return int(_available() * _SHARE)


@contextmanager
def kept_within(limit: int) -> Iterator[None]:
    """Stop a forward pass that would keep more than `limit` bytes for its backward pass.

    Every storage counts once, as saved tensors share them.

    Raises:
        SegstudioError: as soon as the limit is passed, before the machine runs out of memory.
    """
    seen: set[int] = set()
    total = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal total
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            total += storage.nbytes()
        if total > limit:
            raise SegstudioError(
                f"Following gradients through this image needs more than {bytes_text(limit)} of memory, "
                "more than can be spared.",
                "Open a smaller image or a part of it, or close other programs.",
            )
        # a result that is kept as itself would hold the graph, and the graph the result
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield


def _available() -> int:
    """Bytes of main memory that programs can get without swapping; a guess where unknown."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    sysconf = getattr(os, "sysconf", None)
    if sysconf is not None:
        try:
            return int(sysconf("SC_PHYS_PAGES")) * int(sysconf("SC_PAGE_SIZE")) // 2
        except (OSError, ValueError):
            return _UNKNOWN
    return _UNKNOWN
