"""TorchScript models: recognised by what they do when they are tried, run as they come."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Output, Question
from segstudio.core.progress import Check, Report, no_check
from segstudio.models.apart import done_apart
from segstudio.models.families import Found, input_channels
from segstudio.models.torchscript_file import checked_archive, is_torchscript
from segstudio.models.tryout import CHANCES, GIVES, GIVES_TEXT, ProgramNetwork, Tried, try_out

_USUAL_CHANNELS: Final = (3, 1, 4, 2)
_MOST_S: Final = 300.0
"""A program that has not answered after so long is not waited for."""
_MOST_CPU_S: Final = 1200
_MOST_CLASSES: Final = 255
_known: Final[dict[tuple[str, int, int], Tried]] = {}
"""What was found in files of such a size and time."""


class ScriptedNetwork(ProgramNetwork):
    """A TorchScript model as a semantic network."""

    unseen = "a TorchScript model is compiled, with its code inside"
    routes = ("contiguous", "openvino", "openvino-bfloat16")

    def __init__(
        self,
        script: nn.Module,
        in_channels: int,
        gives: str,
        input_hw: Sequence[int] | None = None,
        hidden_bytes: int = 0,
    ) -> None:
        """Args (besides those of every program):
        script: What `torch.jit.load` gave.
        hidden_bytes: Of weights that are constants of it.
        """
        super().__init__(in_channels, gives, input_hw)
        self.script, self.hidden_bytes = script, hidden_bytes

    def run(self, x: Tensor) -> Any:
        """What the script returns."""
        return self.script(x)


def network(**options: Any) -> nn.Module:
    """Refuse: such a network is no architecture that could be filled with weights.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"a TorchScript model comes with its weights ({', '.join(options)})")


def loaded_network(spec: ModelSpec, path: Path) -> nn.Module:
    """The network of a spec from its file.

    Raises:
        SegstudioError: if the file cannot be loaded.
    """
    options = spec.options
    script = _script(path)
    return ScriptedNetwork(
        script,
        int(options["in_channels"]),
        str(options["gives"]),
        options.get("input_hw"),
        0 if script.state_dict() else path.stat().st_size,
    )


def _script(path: Path) -> nn.Module:
    """The module in a file, on the CPU, in float32.

    Raises:
        SegstudioError: if it is damaged, or reaches out of the network.
    """
    archive = checked_archive(path)
    load: Any = torch.jit.load  # without types
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            script: nn.Module = load(archive, map_location="cpu")
    except Exception as error:
        raise SegstudioError(
            f"{path} is a TorchScript model that this version of PyTorch cannot load.",
            "Save it again with torch.jit.save, by a PyTorch that is not newer than "
            f"{torch.__version__.partition('+')[0]}.",
        ) from error
    return script.eval().float()


def recognise_torchscript(path: Path, check: Check = no_check) -> Found | None:
    """Tell what a TorchScript model is, by trying it in a process of its own.

    Returns:
        None for another kind of file.

    Raises:
        SegstudioError: if it cannot be loaded, or is no network that segments.
    """
    if not is_torchscript(path):
        return None
    checked_archive(path)  # what is refused needs no process
    tried = tried_apart(_tried, path, check)
    return found_of("TorchScript model", tried, str(path))


def tried_apart(work: Callable[[Report, Path], dict[str, Any]], path: Path, check: Check) -> Tried:
    """What trying a program in a process of its own found; what was found is remembered.

    A file that brings the process down, or never ends, takes nothing with it.

    Args:
        work: Tries it; runs in the other process.
        path: The file.
        check: Called meanwhile; what it raises ends the process.

    Raises:
        SegstudioError: if it is of no use; names the file.
    """
    broken = SegstudioError(
        f"{path} brought the process down that tried it.",
        "Get the file again, or from someone whom you trust.",
    )
    endless = SegstudioError(
        f"{path} gave no answer in {_MOST_S:.0f} seconds.", "Save a smaller network."
    )
    stat = path.stat()
    state = (str(path), stat.st_size, stat.st_mtime_ns)
    if state not in _known:
        told = done_apart(work, path, check, ended=broken, most_s=_MOST_S, too_long=endless)
        _known[state] = Tried.from_json(told)
    return _known[state]


def _tried(_report: Report, path: Path) -> dict[str, Any]:
    """The other process's work."""
    confine()
    return look(path).to_json()


def confine() -> None:
    """Let this process write no file any more, and end it after some time; where systems can.

    What it would print goes nowhere: that may be a file too.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    if sys.platform == "win32":
        return
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (_MOST_CPU_S, _MOST_CPU_S))


def look(path: Path) -> Tried:
    """Load and try a TorchScript model in this process.

    Raises:
        SegstudioError: if it is of no use; names the file.
    """
    script = _script(path)
    try:
        return try_out(script, _channels(script))
    except SegstudioError as error:
        raise SegstudioError(f"{path} cannot be used. {error.message}", error.hint) from error


def _channels(script: nn.Module) -> list[int]:
    """How many channels the input may have: as the first convolution reads, then usual numbers.

    Models whose weights were made constants tell no convolution.
    """
    kernels = [v for k, v in script.state_dict().items() if v.ndim == 4 and k.endswith("weight")]
    first = [int(kernels[0].shape[1])] if kernels else []
    return list(dict.fromkeys([*first, *_USUAL_CHANNELS]))


def found_of(title: str, tried: Tried, where: str, **more: Any) -> Found:
    """What was found of a program, with the usual preprocessing.

    Args:
        title: What it is, for people.
        tried: What the try-out gave.
        where: The file's name, for messages.
        more: Options besides.

    Raises:
        SegstudioError: if it tells more classes apart than there can be.
    """
    if tried.classes > _MOST_CLASSES:
        raise SegstudioError(
            f"{where} tells {tried.classes} classes apart.",
            f"segstudio can work with up to {_MOST_CLASSES}.",
        )
    options = {"in_channels": tried.channels, "num_classes": tried.classes, **more}
    preprocess: dict[str, Any] = {"scaling": "unit", **input_channels(tried.channels)}
    note = ""
    if tried.size is None:
        preprocess["divisor"] = tried.divisor
    else:
        height, width = tried.size
        options["input_hw"] = preprocess["size"] = [height, width]
        note = (
            f"Its input is always {width} x {height} pixels: images are resized to it, and the "
            "answer back."
        )
    asked = Question("gives", GIVES_TEXT, tuple(GIVES), tried.gives)
    each_alone = tried.gives == CHANCES and tried.classes > 1
    return Found(
        title,
        options,
        preprocess,
        tried.classes,
        questions=(asked,),
        note=note,
        output=Output("sigmoid") if each_alone else None,
        by="a try-out",
    )
