"""TorchScript archives: told by content, bounded, and read so that PyTorch sees what was checked.

`torch.jit.load` runs no Python, but the program inside can call any operation that PyTorch has, and
a few of those read and write files. What such a file may do is in docs/decisions.md.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Final

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text

_MOST_ENTRIES: Final = 200_000
_MOST_CODE_BYTES: Final = 64 * 1024**2
_MOST_BYTES: Final = 8 * 1024**3
_SPARE_BYTES: Final = 4 * 1024**2
_TRUST: Final = "Get the model from someone whom you trust, or as a file of weights alone."

_REACHING_OUT: Final = {
    "save", "from_file", "read_file", "write_file", "load_library", "load_tensor",
    "rpc_async", "rpc_sync", "rpc_remote",
}  # fmt: skip
"""Operations that reach out of the network: files, other processes, other computers."""
_LIBRARIES: Final = {"aten", "prim", "torchvision", "quantized"}
"""Whose operations a network may call; others come from libraries of native code."""
_WORDS: Final = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_OPS: Final = re.compile(rb"(?<![\w.])ops\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)")


def is_torchscript(path: Path) -> bool:
    """Whether a file is a program that `torch.jit.save` wrote, whatever it is called."""
    try:
        if not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return any(_is_code(name) or name.endswith("constants.pkl") for name in names)


def checked_archive(path: Path) -> io.BytesIO:
    """The archive written anew from the parts that were checked: no other reader of zip files
    can find in it what was not looked at.

    Raises:
        SegstudioError: if it is damaged, would take far more memory than its file, or its program
            reaches out of the network.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            _check_sizes(path, parts)
            _check_names(path, parts)
            for part in parts:
                if _is_code(part.filename):
                    _check_code(path, archive.read(part))
            return _rewritten(archive, parts)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise SegstudioError(
            f"{path} is cut off or damaged.", "Copy or download the file again."
        ) from error


def _is_code(name: str) -> bool:
    return "/code/" in name.lower() and name.lower().endswith(".py")


def _is_debug(name: str) -> bool:
    """Whether a part only says from which lines of Python the program came."""
    return name.endswith(".debug_pkl")


def _check_sizes(path: Path, parts: list[zipfile.ZipInfo]) -> None:
    size = path.stat().st_size
    code = sum(part.file_size for part in parts if "/code/" in part.filename)
    unpacked = sum(part.file_size for part in parts) - code
    if (
        len(parts) > _MOST_ENTRIES
        or code > _MOST_CODE_BYTES
        or unpacked > min(2 * size + _SPARE_BYTES, _MOST_BYTES)
    ):
        raise SegstudioError(
            f"{path} would unpack to {bytes_text(unpacked + code)} from {bytes_text(size)} "
            "and was not opened.",
            "PyTorch does not compress weights; get the file from a place that you trust.",
        )


def _check_names(path: Path, parts: list[zipfile.ZipInfo]) -> None:
    """Refuse archives of which two parts have one name, and those of before PyTorch 1.4."""
    names = [part.filename.lower() for part in parts]
    inner = {name.partition("/")[2] for name in names}
    roots = {name.partition("/")[0] for name in names}
    if len(set(names)) != len(names) or len(roots) != 1:
        raise SegstudioError(f"{path} is an archive that PyTorch did not write.", _TRUST)
    if not {"data.pkl", "constants.pkl"} <= inner or "model.json" in inner:
        raise SegstudioError(
            f"{path} is a TorchScript model of a version that is not read.",
            "Save it again with a newer PyTorch: torch.jit.save(model, 'model.pt').",
        )


def _check_code(path: Path, code: bytes) -> None:
    """Refuse a program by the words in it.

    An operation can only be called by its name, as a function or as a method. Text in quotes is
    looked at too: where it begins and ends, another reader might see otherwise.
    """
    words = {word.decode("ascii") for word in _WORDS.findall(code)}
    found = sorted(words & _REACHING_OUT)
    libraries = {name.decode("ascii") for name in _OPS.findall(code)} - _LIBRARIES
    found += [f"ops.{name}" for name in sorted(libraries)]
    if found:
        raise SegstudioError(
            f"{path} is a TorchScript model whose program reaches out of the network "
            f"({', '.join(found)}) and was not opened.",
            _TRUST,
        )


def _rewritten(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo]) -> io.BytesIO:
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as written:
        for part in parts:
            if not part.is_dir() and not _is_debug(part.filename):
                inner = part.filename.partition("/")[2]
                written.writestr(zipfile.ZipInfo(f"archive/{inner}"), archive.read(part))
    copy.seek(0)
    return copy
