"""Which models there are: embedded ones, published ones, and those of other packages.

Nothing here imports torch: the embedded models are described in the headers of their files.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.json_text import parse_json
from segstudio.core.prediction import TASKS, ModelSpec, Output, WeightsFile
from segstudio.core.progress import Check, no_check
from segstudio.core.regular_file import check_regular
from segstudio.core.schema import LabelSchema
from segstudio.models.families import RENAMED
from segstudio.models.published import published_specs
from segstudio.resources import resource_path

ENTRY_POINT_GROUP: Final = "segstudio.models"
RECOGNISED: Final = "Recognised by"
"""How the description of a file begins that says nothing of itself."""
METADATA_KEY: Final = "segstudio"
EMBEDDED_ORDER: Final = (
    "unet-nuclei",
    "deeplab-nuclei",
    "maskrcnn-nuclei",
    # lessons: small networks that differ from a sister in one thing, for the membranes
    "unet-small-transposed",
    "unet-small-bilinear",
    "unet-small-shuffle",
    "unet-small-no-skips",
    "unet-small-dice",
    "unet-small-focal",
    "unet-small-plain",
    "unet-small-dilated",
)
_MAX_HEADER_BYTES: Final = 100_000_000

_log = logging.getLogger(__name__)


@functools.cache
def _cached_registry() -> Mapping[str, ModelSpec]:
    specs = [*_embedded_specs(resource_path("models")), *published_specs(), *_third_party_specs()]
    return without_duplicates(specs)


def registry() -> dict[str, ModelSpec]:
    """All models by id: embedded ones first, then published ones, then those of plug-ins.

    Raises:
        SegstudioError: if two models have the same id, or an embedded file is damaged.
    """
    return dict(_cached_registry())


def get_spec(model_id: str) -> ModelSpec:
    """The model of that id.

    Raises:
        SegstudioError: if there is none; the hint lists the ids.
    """
    known = registry()
    if model_id not in known:
        raise SegstudioError(
            f"There is no model {model_id!r}.", f"Choose one of: {', '.join(known)}."
        )
    return known[model_id]


def spec_from_weights(
    path: Path,
    arch: str | None = None,
    answers: Mapping[str, str] | None = None,
    check: Check = no_check,
) -> ModelSpec:
    """Describe a user's own file of weights; see `recognition.spec_from_weights`.

    Raises:
        SegstudioError: if it cannot be read or recognised, or is not of `arch`.
    """
    from segstudio.models import recognition  # it needs this module itself

    return recognition.spec_from_weights(path, arch, answers or {}, check)


def without_duplicates(specs: Iterable[ModelSpec]) -> dict[str, ModelSpec]:
    """The specs by id, in their order.

    Raises:
        SegstudioError: if an id comes twice.
    """
    known: dict[str, ModelSpec] = {}
    for spec in specs:
        if spec.id in known:
            raise SegstudioError(
                f"Two models are called {spec.id!r}: {known[spec.id].title} and {spec.title}.",
                "Remove one of the packages that bring them, or rename its model.",
            )
        known[spec.id] = spec
    return known


def read_metadata(path: Path) -> dict[str, str]:
    """The text metadata of a safetensors file, from its header alone.

    The file begins with the header's length (8 bytes, little-endian) and the header (JSON), see
    https://github.com/huggingface/safetensors#format.

    Raises:
        SegstudioError: if the file is missing or is no safetensors file.
    """
    metadata = read_header(path).get("__metadata__", {})
    if not isinstance(metadata, dict):
        raise SegstudioError(
            f"{path} is no safetensors file or is damaged.", "Copy or download it again."
        )
    return {str(k): str(v) for k, v in metadata.items()}


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as a safetensors file does, whatever it is called.

    Raises:
        SegstudioError: if it cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            begin = file.read(9)
    except OSError as error:
        raise SegstudioError(
            f"{path} cannot be read ({error.strerror}).", "Check that the file is there."
        ) from error
    return len(begin) == 9 and begin[8:] == b"{" and struct.unpack("<Q", begin[:8])[0] <= size - 8


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file: tensors by name, and "__metadata__".

    Raises:
        SegstudioError: if the file is missing or is no safetensors file.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _MAX_HEADER_BYTES:
                raise ValueError("the header is too long")
            header = parse_json(file.read(length))
    except OSError as error:
        raise SegstudioError(
            f"{path} cannot be read ({error.strerror}).", "Check that the file is there."
        ) from error
    except (struct.error, ValueError) as error:
        raise SegstudioError(
            f"{path} is no safetensors file or is damaged.", "Copy or download it again."
        ) from error
    if not isinstance(header, dict):
        raise SegstudioError(f"{path} is no safetensors file.", "Copy or download it again.")
    return header


def spec_from_metadata(data: Mapping[str, Any], weights: WeightsFile, where: str) -> ModelSpec:
    """The spec that the "segstudio" metadata of a weights file describes.

    Args:
        data: The metadata's JSON.
        weights: The file it was read from.
        where: The file's name, for messages.

    Raises:
        SegstudioError: if an entry is missing or has the wrong form.
    """
    try:
        task = data["task"]
        if task not in TASKS:
            raise ValueError(f"the task is {task!r}")
        return ModelSpec(
            id=str(data["id"]),
            title=str(data.get("title", data["id"])),
            family=str(data["family"]),
            task=task,
            schema=LabelSchema.from_json(data["schema"]),
            builder=RENAMED.get(str(data["builder"]), str(data["builder"])),
            options=dict(data.get("options", {})),
            preprocess=dict(data.get("preprocess", {})),
            weights=weights,
            licence=str(data.get("licence", "")),
            description=" ".join(str(data[k]) for k in ("summary", "data") if data.get(k)),
            metrics=_numbers(data.get("metrics", {})),
            output=Output.from_json(data.get("output", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SegstudioError(
            f"The description inside {where} cannot be read ({error!r}).",
            "The file was written by another version or is damaged.",
        ) from error


def read_spec_data(path: Path) -> dict[str, Any] | None:
    """The "segstudio" metadata of a safetensors file as JSON, or None if it has none.

    Raises:
        SegstudioError: if the file or the metadata is damaged.
    """
    text = read_metadata(path).get(METADATA_KEY)
    if text is None:
        return None
    try:
        data = parse_json(text)
    except ValueError as error:
        raise SegstudioError(
            f"The description inside {path} is damaged ({one_line(error)}).",
            "Copy or download it again.",
        ) from error
    if not isinstance(data, dict):
        raise SegstudioError(
            f"The description inside {path} is damaged.", "Copy or download it again."
        )
    return data


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Measured numbers by name; those of a part of the data have its name before them.

    The files hold them by part of the data; "all" is the whole of it and is left out of the names.
    """
    numbers: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            prefix = "" if name == "all" else f"{name} "
            numbers.update({prefix + k: v for k, v in _numbers(value).items()})
        elif isinstance(value, int | float):
            numbers[str(name)] = float(value)
    return numbers


def _embedded_specs(folder: Path) -> list[ModelSpec]:
    specs: list[ModelSpec] = []
    for path in sorted(folder.glob("*.safetensors")):
        data = read_spec_data(path)
        if data is None:
            continue
        file = WeightsFile(path.name, size=path.stat().st_size)
        specs.append(replace(spec_from_metadata(data, file, path.name), embedded=True))
    rank = {name: i for i, name in enumerate(EMBEDDED_ORDER)}
    return sorted(specs, key=lambda s: (rank.get(s.id, len(rank)), s.id))


def _third_party_specs() -> list[ModelSpec]:
    """Specs of installed packages; each entry point names a function that returns one or several.

    A package that fails to load is logged and left out: it must not keep segstudio from starting.
    """
    specs: list[ModelSpec] = []
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        try:
            made = entry.load()()
            found = [made] if isinstance(made, ModelSpec) else list(made)
        except Exception:  # noqa: BLE001 - a plug-in may raise anything
            _log.exception("The models of %s cannot be loaded", entry.name)
            continue
        specs.extend(spec for spec in found if isinstance(spec, ModelSpec))
    return specs
