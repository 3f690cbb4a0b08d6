"""Read weights safely and put all of them into a network, or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError
from segstudio.core.regular_file import check_regular
from segstudio.models.naming import without_prefixes

WRAPPERS: Final = ("model", "state_dict", "model_state_dict", "model_state", "net", "network")
_NAMED_IN_MESSAGES: Final = 3


def load_state(path: Path) -> dict[str, Tensor]:
    """Read a file of weights: tensors by name, without wrappers and common prefixes.

    Reads safetensors, and PyTorch files without ever running code that they contain
    (`torch.load(weights_only=True)`).

    Raises:
        SegstudioError: if the file is missing, damaged, unsafe, or holds no weights.
    """
    check_regular(path)
    if not path.exists():
        raise SegstudioError(
            f"{path} is not there.", "Check the name of the file with the weights."
        )
    raw: Any = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    state = unwrap(raw)
    if not state:
        raise SegstudioError(
            f"{path} holds no weights.", "Give a file that was saved from a network's state_dict."
        )
    return state


def unwrap(raw: object) -> dict[str, Tensor]:
    """The tensors of a checkpoint, whatever it is wrapped in.

    Training scripts save {"model": ...} or {"state_dict": ...} beside epoch and optimizer, and
    DataParallel, Lightning and torch.compile put a prefix before every name.
    """
    state = raw
    for _ in range(3):
        inner = _inner(state)
        if inner is None:
            break
        state = inner
    if not isinstance(state, Mapping):
        return {}
    tensors = {str(k): v for k, v in state.items() if isinstance(v, Tensor)}
    return without_prefixes(tensors)


def _inner(state: object) -> Mapping[str, Any] | None:
    if not isinstance(state, Mapping):
        return None
    for name in WRAPPERS:
        value = state.get(name)
        if isinstance(value, Mapping):
            return value
    return None


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise SegstudioError(
            f"{path} cannot be read ({error}).", "Copy or download the file again."
        ) from error


def _read_pickle(path: Path) -> object:
    try:
        with torch.serialization.safe_globals(_harmless_types()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise _unreadable(path, error) from error


def _harmless_types() -> list[Any]:
    """What checkpoints name beside tensors, as scores in NumPy's types, and that only holds data.

    The functions are found under the name they had when the file was saved: NumPy 1 and 2 differ.
    """
    scalar, reconstruct = np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]
    kinds = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
    return [
        np.dtype,
        np.ndarray,
        *{type(np.dtype(kind)) for kind in kinds},
        *((scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
        *((reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    ]


def _unreadable(path: Path, error: Exception) -> SegstudioError:
    """Say why torch refused a file: it is damaged, or names types other than tensors."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # noqa: BLE001 - the file is damaged, which the first error says too
        names = []
    if names:
        return SegstudioError(
            f"{path} holds more than weights and was not opened "
            f"({', '.join(sorted(set(names))[:6])}).",
            "Save the network's state_dict alone, best as safetensors.",
        )
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return SegstudioError(
        f"{path} cannot be read as weights ({first_line[:120]}).",
        "Copy or download the file again.",
    )


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


def _some(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _NAMED_IN_MESSAGES} more" * (len(names) > _NAMED_IN_MESSAGES)
    return f"{len(names)} {what} ({', '.join(names[:_NAMED_IN_MESSAGES])}{more})"
