"""Large shared libraries of other packages, loaded while the window goes on.

Python's import keeps the interpreter's lock while the system's loader works: half a second for
PyTorch, many where the disk is slow or the machine is busy, and the window stands still. A function
that is called through ctypes lets go of the lock meanwhile; the import then finds them loaded.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path
from typing import Final, Literal

_FILES: Final = {
    # PyTorch wants the first one's symbols to be seen by all that comes after it
    "torch": (("lib/libtorch_global_deps.*", True), ("lib/libtorch_python.*", False)),
    "openvino": (("libs/libopenvino.*", False), ("_pyopenvino*", False)),
    "onnxruntime": (("capi/onnxruntime_pybind11_state*", False),),
}
"""Files below a package's folder, in the order in which they are loaded, and whether for all."""


def load_shared_libraries(package: Literal["torch", "openvino", "onnxruntime"]) -> int:
    """Load a package's shared libraries before it is imported; nothing if it is, or not installed.

    What cannot be loaded is left to the import, which says why.

    Returns:
        How many files were loaded.
    """
    if sys.platform == "win32" or package in sys.modules:
        return 0
    found = importlib.util.find_spec(package)
    if found is None or not found.origin:
        return 0
    load = ctypes.CDLL(None).dlopen
    load.argtypes, load.restype = [ctypes.c_char_p, ctypes.c_int], ctypes.c_void_p
    loaded = 0
    for pattern, for_all in _FILES[package]:
        scope = os.RTLD_GLOBAL if for_all else os.RTLD_LOCAL
        for path in sorted(Path(found.origin).parent.glob(pattern)):
            loaded += load(os.fsencode(path), os.RTLD_NOW | scope) is not None
    return loaded
