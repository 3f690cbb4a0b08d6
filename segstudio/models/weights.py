"""Where weights lie on disk, and how they get there. Works without torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.progress import Check, Report, no_check, no_report
from segstudio.models.download import by_hand_hint, fetch, sha256_of
from segstudio.models.onnx_file import weights_sha256
from segstudio.resources import resource_path

_OWN_IS_GONE: Final = "Put the file back, or say where it is now (Model menu: Find weights)."


def weights_folder() -> Path:
    """Where downloaded weights are kept, and where to put them by hand.

    `weights` in the user's data folder, or in `data` of the folder that SEGSTUDIO_HOME names.
    """
    home = os.environ.get("SEGSTUDIO_HOME")
    data = (
        Path(home) / "data" if home else platformdirs.user_data_path("segstudio", appauthor=False)
    )
    return data / "weights"


def torch_cache_folder() -> Path:
    """Where torch.hub keeps what other programs downloaded; only ever read.

    As documented at https://docs.pytorch.org/docs/stable/hub.html.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or str(Path(cache) / "torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def find_weights(spec: ModelSpec) -> Path | None:
    """The model's weights on this disk, or None if they must be downloaded or given.

    A file of the user's own is named by its absolute path in `spec.weights.filename`.
    """
    if spec.weights is None:
        return None
    name = spec.weights.filename
    if spec.embedded:
        candidates = [resource_path("models", name)]
    else:
        candidates = [weights_folder() / name, torch_cache_folder() / name]
    return next((path for path in candidates if path.is_file()), None)


def is_available(spec: ModelSpec) -> bool:
    """Whether the model can run without a download."""
    return find_weights(spec) is not None


@dataclass(frozen=True)
class Shelved:
    """What of a model's weights is on this disk.

    Attributes:
        path: The file, or None.
        part_bytes: What arrived of a download that is not complete.
        is_ours: Whether the file lies in `weights_folder()`, where it may be deleted.
    """

    path: Path | None
    part_bytes: int = 0
    is_ours: bool = False


def shelved(spec: ModelSpec) -> Shelved:
    """Look for a model's weights and for what arrived of them."""
    path = find_weights(spec)
    if spec.weights is None or not spec.weights.url:
        return Shelved(path)
    try:
        part_bytes = _part(spec.weights).stat().st_size
    except OSError:
        part_bytes = 0
    return Shelved(path, part_bytes, path is not None and path.parent == weights_folder())


def delete(spec: ModelSpec) -> None:
    """Delete downloaded weights, and what arrived of them.

    Raises:
        SegstudioError: if another program's file is used, or it cannot be deleted.
    """
    found = shelved(spec)
    if spec.weights is None or not spec.weights.url:
        raise SegstudioError(f"The weights of {spec.title} were not downloaded.")
    if found.path is not None and not found.is_ours and not found.part_bytes:
        raise SegstudioError(
            f"{found.path} belongs to torch.hub; other programs may use it.",
            "Delete it by hand if none does.",
        )
    for path in (weights_folder() / spec.weights.filename, _part(spec.weights)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise SegstudioError(
                f"{path} cannot be deleted ({error.strerror or error}).",
                "Check that no other program has it open.",
            ) from error


def _part(file: WeightsFile) -> Path:
    return weights_folder() / f"{file.filename}.part"


def download(spec: ModelSpec, check: Check = no_check, report: Report = no_report) -> Path:
    """Download a model's weights into `weights_folder()`.

    Args:
        spec: The model.
        check: Called between blocks; what it raises stops the download, the part is kept.
        report: Told (bytes done, bytes in all, text).

    Raises:
        SegstudioError: if the weights cannot be had; says why, from where, and where to put them.
    """
    if spec.own_file:
        raise SegstudioError(f"{spec.own_file} is not there any more.", _OWN_IS_GONE)
    if spec.weights is None or not spec.weights.url:
        raise SegstudioError(
            f"{spec.title} has no published weights.", "Give a file with its weights."
        )
    return fetch(spec.weights, weights_folder(), check=check, report=report)


def require_weights(spec: ModelSpec, check: Check = no_check) -> Path:
    """The model's weights on this disk, checked against their checksum.

    Raises:
        SegstudioError: if they are missing (the hint says how to get them) or damaged.
    """
    path = find_weights(spec)
    if path is None and spec.own_file:
        raise SegstudioError(f"{spec.own_file} is not there any more.", _OWN_IS_GONE)
    if spec.weights is None or path is None:
        raise SegstudioError(f"The weights of {spec.title} are not there.", _missing_hint(spec))
    expected = spec.weights.sha256.lower()
    if expected and not content_digest(path, check).startswith(expected):
        if spec.own_file:
            raise SegstudioError(
                f"{path} was written anew since it was opened.", "Open it again (Model menu)."
            )
        raise SegstudioError(
            f"{path} is damaged: its SHA-256 does not begin with {expected}.",
            "Remove the file and download it again.",
        )
    return path


def content_digest(path: Path, check: Check = no_check) -> str:
    """The SHA-256 by which a model is known: of its file, and of those that hold its weights.

    Raises:
        OSError: if it cannot be read.
    """
    return weights_sha256(path, sha256_of(path, check), check)


def _missing_hint(spec: ModelSpec) -> str:
    if spec.weights is None:
        return "Give a file with its weights."
    if spec.weights.url:
        return by_hand_hint(spec.weights, weights_folder())
    return f"Check that {spec.weights.filename} is there."
