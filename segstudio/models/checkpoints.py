"""Read weights safely and put all of them into a network, or none."""

from __future__ import annotations

import argparse
import datetime as dt
import pathlib
import re
import threading
import types
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.formatting import bytes_text
from segstudio.core.regular_file import check_regular
from segstudio.core.text import listed
from segstudio.models.naming import matched, without_prefixes
from segstudio.models.registry import is_safetensors

WRAPPERS: Final = (
    "model", "state_dict", "model_state_dict", "model_state", "net", "network", "params",
    "weights", "state", "unet", "params_ema", "model_ema", "ema",
)  # fmt: skip
"""Names under which training scripts save a network, those of the network itself first."""
_NOT_WEIGHTS: Final = ("optim", "sched", "scaler", "callback", "loop", "hyper", "config", "args")
"""What the names of a checkpoint's other parts begin with."""
_DEEPEST: Final = 3
_NAMED_IN_MESSAGES: Final = 3

_MOST_PICKLE_BYTES: Final = 64 * 1024**2
_MOST_ENTRIES: Final = 200_000
_SPARE_BYTES: Final = 4 * 1024**2
"""How much more than the file's own size its parts may hold: `torch.save` does not compress."""
_SPARE_NUMBERS: Final = 1_000_000
_STATE_DICT: Final = 'torch.save(model.state_dict(), "weights.pth")'
_SAVE_WEIGHTS: Final = f"Save the weights alone where the file was made: {_STATE_DICT}"
_KINDS: Final = (
    (b"version https://git-lfs", "is a pointer of Git LFS, not the file itself",
     "Fetch the file: git lfs pull"),
    (b"<!doctype html", "is a web page, not a file of weights",
     "The download needs a login or another address; download it again."),
    (b"<html", "is a web page, not a file of weights",
     "The download needs a login or another address; download it again."),
    (b"\x89hdf", "is an HDF5 file, as Keras writes it",
     "segstudio reads weights of PyTorch networks: .safetensors or .pth."),
    (b"gguf", "is a GGUF file of a language model",
     "segstudio reads weights of PyTorch networks: .safetensors or .pth."),
    (b"\x1f\x8b", "is compressed with gzip", "Unpack it first."),
    (b"7z\xbc\xaf", "is an archive of 7-Zip", "Unpack it first."),
)  # fmt: skip
"""How files begin that are often taken for weights, in lower case; what they are; what to do."""

# `safe_globals` changes a list of the whole process.
_reading = threading.Lock()


def load_state(path: Path) -> dict[str, Tensor]:
    """Read a file of weights: tensors by name, without wrappers and common prefixes.

    Reads safetensors, and PyTorch files without ever running code that they contain
    (`torch.load(weights_only=True)`). What the file is, its content says, not its name.

    Raises:
        SegstudioError: if the file is missing, damaged, unsafe, or holds no weights.
    """
    check_regular(path)
    if not path.exists():
        raise SegstudioError(
            f"{path} is not there.", "Check the name of the file with the weights."
        )
    state = unwrap(_read(path), str(path))
    if not state:
        raise SegstudioError(
            f"{path} holds no weights.", "Give a file that was saved from a network's state_dict."
        )
    return state


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by the names that they have in it; read as safely as `load_state`.

    Raises:
        SegstudioError: if the file is missing, damaged or unsafe, or holds no tensors.
    """
    check_regular(path)
    if not path.exists():
        raise SegstudioError(f"{path} is not there.", "Copy or download the whole folder again.")
    raw = _read(path)
    found = raw if isinstance(raw, dict) else {}
    state = {str(k): v for k, v in found.items() if isinstance(v, Tensor)}
    if not state:
        raise SegstudioError(f"{path} holds no weights.", "Copy or download it again.")
    return state


def _read(path: Path) -> object:
    return _read_safetensors(path) if is_safetensors(path) else _read_pickle(path)


def unwrap(raw: object, where: str = "The file") -> dict[str, Tensor]:
    """The tensors of a checkpoint, whatever it is wrapped in; empty if there are none.

    Training scripts save {"model": ...} or {"state_dict": ...} beside epoch and optimizer, and
    DataParallel, Lightning and torch.compile put a prefix before every name.

    Raises:
        SegstudioError: if it holds several networks under names that say nothing, or tensors that
            no network here can use (quantised, sparse, complex).
    """
    state = without_prefixes(_tensors_in(raw, where, _DEEPEST))
    for name, tensor in state.items():
        odd = tensor.is_quantized or tensor.is_meta or tensor.is_complex()
        if odd or tensor.layout is not torch.strided:
            raise SegstudioError(
                f"{where} holds quantised, sparse, complex or empty tensors ({name}).",
                "Save the network's weights before it is quantised.",
            )
    return state


def _tensors_in(raw: object, where: str, depth: int) -> dict[str, Tensor]:
    """The tensors of the network in a checkpoint's mapping: its own, or those of a part of it."""
    if not isinstance(raw, Mapping) or "param_groups" in raw:
        return {}
    own = {str(k): v for k, v in raw.items() if isinstance(v, Tensor)}
    parts = {str(k): v for k, v in raw.items() if not str(k).lower().startswith(_NOT_WEIGHTS)}
    found = {k: _tensors_in(v, where, depth - 1) for k, v in parts.items() if depth}
    inner = {k: tensors for k, tensors in found.items() if len(tensors) > len(own)}
    if not inner:
        return own
    known = next((name for name in WRAPPERS if name in inner), None)
    if known is not None:
        return inner[known]
    if len(inner) > 1:
        raise SegstudioError(
            f"{where} holds several networks: {', '.join(list(inner)[:_NAMED_IN_MESSAGES])}.",
            f"Save the one that shall run: {_STATE_DICT}",
        )
    return next(iter(inner.values()))


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise SegstudioError(
            f"{path} cannot be read ({one_line(error)}).", "Copy or download the file again."
        ) from error


def _read_pickle(path: Path) -> object:
    _refuse_others(path)
    try:
        # an open file: of a path, torch looks at the ending
        with (
            _reading,
            torch.serialization.safe_globals(_harmless_types()),
            path.open("rb") as file,
        ):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise _unreadable(path, error) from error


def _refuse_others(path: Path) -> None:
    """Refuse what no checkpoint of PyTorch is, and what would take far more memory than its file.

    Raises:
        SegstudioError: in plain words, with what to do.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(64).lstrip().lower()
    except OSError as error:
        raise SegstudioError(
            f"{path} cannot be read ({error.strerror or error}).", "Check that the file is there."
        ) from error
    for magic, what, hint in _KINDS:
        if begin.startswith(magic):
            raise SegstudioError(f"{path} {what}.", hint)
    if zipfile.is_zipfile(path):
        _check_archive(path)
    elif begin.startswith(b"pk\3\4"):  # the end, where the list of its parts is, is missing
        raise _damaged(path)
    elif path.stat().st_size > 0 and begin[:1] not in (b"\x80", b"]", b"}", b"("):
        text = all(32 <= byte < 127 or byte in b"\t\r\n" for byte in begin)
        raise SegstudioError(
            f"{path} is {'a text file, ' if text else ''}no file of weights.",
            "Weights of PyTorch networks are .safetensors, .pth, .pt, .ckpt or .bin files.",
        )


def _check_archive(path: Path) -> None:
    """Look at the parts of a file that `torch.save` made, before any of them is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path) from error
    names = [part.filename for part in parts]
    if any("/code/" in name or name.endswith("constants.pkl") for name in names):
        raise SegstudioError(
            f"{path} is a TorchScript model, which is no file of weights.",
            f"Open it as a model of its own. {_SAVE_WEIGHTS}",
        )
    if not any(name.endswith("data.pkl") for name in names):
        raise SegstudioError(f"{path} is an archive without weights of PyTorch.", _SAVE_WEIGHTS)
    size = path.stat().st_size
    pickle = max(part.file_size for part in parts if part.filename.endswith(".pkl"))
    unpacked = sum(part.file_size for part in parts)
    if (
        len(parts) > _MOST_ENTRIES
        or pickle > min(size + _SPARE_BYTES, _MOST_PICKLE_BYTES)
        or unpacked > 2 * size + _SPARE_BYTES
    ):
        raise SegstudioError(
            f"{path} would unpack to {bytes_text(unpacked)} from {bytes_text(size)} and was not opened.",
            "PyTorch does not compress weights; get the file from a place that you trust.",
        )


def _damaged(path: Path) -> SegstudioError:
    return SegstudioError(f"{path} is cut off or damaged.", "Copy or download the file again.")


def _harmless_types() -> list[Any]:
    """What checkpoints name beside tensors, and that only holds data: scores in NumPy's types,
    the arguments of the training script, paths, times, dictionaries with a default.

    Each is found under the name that it had when the file was saved: NumPy 1 and 2 differ, and a
    path of Windows cannot be made elsewhere. Where building the real type could do more than hold
    data, or fail here, a plain one takes its place.
    """
    scalar, reconstruct = np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]
    kinds = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "U", "S")
    paths = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path", "PurePath")
    return [
        np.dtype,
        np.ndarray,
        *{type(np.dtype(kind)) for kind in kinds},
        *((scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
        *((reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
        argparse.Namespace,
        types.SimpleNamespace,
        dt.date,
        dt.datetime,
        dt.time,
        dt.timedelta,
        dt.timezone,
        (_plain_dict, "collections.defaultdict"),
        (_plain_list, "collections.deque"),
        *(
            (_path, f"{module}.{name}")
            for module in ("pathlib", "pathlib._local")
            for name in paths
        ),
        # What a defaultdict makes for a missing key; never called here.
        *((_never_called, f"builtins.{name}") for name in ("list", "dict", "int", "float", "str")),
    ]


def _plain_dict(*_factory: object) -> dict[Any, Any]:
    return {}


def _plain_list(*_filled: object) -> list[Any]:
    return []


def _path(*parts: str) -> pathlib.PurePosixPath:
    return pathlib.PurePosixPath(*parts)


def _never_called(*arguments: object) -> tuple[object, ...]:
    return arguments


def _unreadable(path: Path, error: Exception) -> SegstudioError:
    """Say why torch refused a file: it is damaged, or names types other than tensors."""
    try:
        with _reading, torch.serialization.safe_globals(_harmless_types()):
            names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # noqa: BLE001 - the file is damaged, which the first error says too
        names = []
    names += re.findall(r"but got <class '([\w.]+)'>", str(error))
    if names:
        named = sorted(set(names))
        # one tells what it is; a list of them leaves no room for what to do
        rest = f" and {len(named) - 1} more" if len(named) > 1 else ""
        return SegstudioError(
            f"{path} holds more than weights and was not opened ({named[0]}{rest}).",
            f"{_SAVE_WEIGHTS}, best as safetensors.",
        )
    if isinstance(error, MemoryError):
        return SegstudioError(
            f"There is not enough memory to read {path}.", "Close other programs."
        )
    return _damaged(path)


def load_into(network: nn.Module, state: Mapping[str, Tensor], where: str = "The file") -> None:
    """Put weights into a network; float16 weights become the network's own type.

    Args:
        network: Changed in place; not usable if this raises.
        state: From `load_state`.
        where: The file's name, for messages.

    Raises:
        SegstudioError: unless every tensor of the network is in the file, with its shape, and
            nothing else is. The message counts what fits and names what does not.
    """
    own = network.state_dict()
    state = matched(state, own)
    wrong = [k for k, v in own.items() if k in state and state[k].shape != v.shape]
    fitting = {k: v for k, v in state.items() if k not in wrong}
    # torch renames the tensors of old torchvision files here, so names are compared afterwards
    result = network.load_state_dict(fitting, strict=False)
    missing = [k for k in result.missing_keys if k not in wrong]
    unexpected = list(result.unexpected_keys)
    if not (missing or unexpected or wrong):
        return
    loaded = len(own) - len(missing) - len(wrong)
    details = [
        _some("missing", missing),
        _some("unexpected", unexpected),
        _some("of another shape", [f"{k} {tuple(state[k].shape)}" for k in wrong]),
    ]
    raise SegstudioError(
        f"{where} does not fit the network: {loaded} of {len(own)} tensors match; "
        f"{'; '.join(d for d in details if d)}.",
        "Choose the architecture that the weights were made with.",
    )


def far_too_few(
    state: Mapping[str, Tensor], build: Callable[[], nn.Module]
) -> tuple[int, int] | None:
    """Whether a network is far larger than a file has weights for, before any memory is taken.

    Args:
        state: What the file holds.
        build: Builds the network.

    Returns:
        How many numbers the file holds and the network has, if these are far more; else None.
    """
    with torch.device("meta"):
        planned = build()
    asked = sum(tensor.numel() for tensor in planned.state_dict().values())
    given = sum(tensor.numel() for tensor in state.values())
    return (given, asked) if asked > 2 * given + _SPARE_NUMBERS else None


def _some(what: str, names: list[str]) -> str:
    if not names:
        return ""
    return f"{len(names)} {what} ({listed(names, _NAMED_IN_MESSAGES)})"


def broken_tensors(state: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors that hold NaN or infinity."""
    return [k for k, v in state.items() if v.is_floating_point() and not bool(v.isfinite().all())]
