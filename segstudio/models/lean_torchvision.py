"""torchvision without torch's compiler, whose import takes ten times as long as torchvision's own.

torchvision takes one function from there, which it calls only where its own operators are missing
or have to be deterministic on a GPU. All imports of torchvision stand in `compiler_left_out`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

_NAME: Final = "torch._dynamo.utils"


class _Later(ModuleType):
    """Stands in for a module of the compiler, which is imported when anything is taken from it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # the import system asks for these
        return getattr(_real(self), name)

    @staticmethod
    def is_compile_supported(device_type: str) -> bool:
        """What the compiler says of a kind of device."""
        return bool(importlib.import_module(_NAME).is_compile_supported(device_type))


def _real(stand_in: ModuleType) -> ModuleType:
    if sys.modules.get(_NAME) is stand_in:
        del sys.modules[_NAME]
    return importlib.import_module(_NAME)


@contextmanager
def compiler_left_out() -> Iterator[None]:
    """Let torchvision be imported meanwhile without torch's compiler.

    Another thread, or another library, that needs the compiler gets it.
    """
    if _NAME in sys.modules:
        yield
        return
    stand_in = sys.modules[_NAME] = _Later(_NAME)
    try:
        yield
    finally:
        if sys.modules.get(_NAME) is stand_in:
            del sys.modules[_NAME]
