"""Which processors torch can use here, what running out of their memory looks like, and giving it back."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch

from segstudio.core.errors import SegstudioError

_MEMORY_WORDS: Final = (
    "out of memory",  # CUDA and MPS
    "can't allocate memory",  # torch's CPU allocator
    "not enough memory",  # the same on Windows
    "invalid buffer size",  # MPS, for one buffer that is too large
)


_flags_lock = threading.Lock()
_flags_wanted = 0
_flags_before: Any = None


@contextmanager
def repeatable() -> Iterator[None]:
    """Let cuDNN choose algorithms that give the same numbers each time, for a while.

    cuDNN's flags belong to the process and not to a thread: while several threads are in here, the
    last to leave puts back what the first found.
    """
    global _flags_wanted, _flags_before
    with _flags_lock:
        if not _flags_wanted:
            cudnn = torch.backends.cudnn
            _flags_before = (cudnn.enabled, cudnn.benchmark, cudnn.deterministic)
            _set_cudnn(enabled=True, benchmark=False, deterministic=True)
        _flags_wanted += 1
    try:
        yield
    finally:
        with _flags_lock:
            _flags_wanted -= 1
            if not _flags_wanted:
                enabled, benchmark, deterministic = _flags_before
                _set_cudnn(enabled=enabled, benchmark=benchmark, deterministic=deterministic)


def _set_cudnn(*, enabled: bool, benchmark: bool, deterministic: bool) -> None:
    cudnn: Any = torch.backends.cudnn  # without types
    cudnn.set_flags(_enabled=enabled, _benchmark=benchmark, _deterministic=deterministic)


def available_devices() -> list[str]:
    """Devices that networks can run on here, the fastest first; "cpu" is always the last."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def resolve_device(name: str) -> torch.device:
    """The device of that name; "auto" takes the fastest that is there.

    Raises:
        SegstudioError: if the name is unknown or the device is not there.
    """
    present = available_devices()
    if name == "auto":
        return torch.device(present[0])
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdecimal()):
        raise SegstudioError(
            f"{name!r} is no device.", "Choose auto, cpu, cuda (or cuda:1 ...), or mps."
        )
    if kind not in present or (kind == "cuda" and int(index or 0) >= torch.cuda.device_count()):
        raise SegstudioError(
            f"This computer has no {name} device that PyTorch can use.",
            f"Choose one of: auto, {', '.join(present)}.",
        )
    return torch.device(name)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any kind of device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in message for words in _MEMORY_WORDS)


def release_memory(device: torch.device) -> None:
    """Give back what torch keeps of a device's memory for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


_MUCH_BYTES: Final = 256 << 20
_STATM: Final = Path("/proc/self/statm")


class FreedMemory:
    """Calls for free memory when the process has grown. May be used by several threads."""

    def __init__(self, resident: Callable[[], int], give_back: Callable[[], object]) -> None:
        """Args:
        resident: Bytes of memory that the process has now.
        give_back: Gives free memory back to the system.
        """
        self._resident, self._give_back = resident, give_back
        self._lock = threading.Lock()
        self._least = resident()

    def give_back(self) -> None:
        """Give free memory back if the process has grown much since it had the least."""
        with self._lock:
            now = self._resident()
            if now - self._least <= _MUCH_BYTES:
                self._least = min(self._least, now)
                return
            self._give_back()
            self._least = self._resident()  # all of it is in use


def _resident_bytes() -> int:
    """Memory that this process has, after proc(5)."""
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _of_this_process() -> FreedMemory | None:
    """None where the C library is not glibc: others give memory back themselves."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
        _resident_bytes()
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return FreedMemory(_resident_bytes, lambda: trim(0))


_PROCESS: Final = _of_this_process()


def give_back_freed_memory() -> None:
    """Give memory that was freed back to the system if much of it has gathered."""
    if _PROCESS is not None:
        _PROCESS.give_back()
