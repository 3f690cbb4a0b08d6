"""What a user says of weights: classes, what goes in, what comes out; and how it looks on an image."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted, percent_text
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec, Output, OutputKind, RunOptions, reads_stored
from segstudio.core.render import overlay_rgb
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color
from segstudio.jobs import Job, JobRunner
from segstudio.models.families import FAMILIES
from segstudio.models.published import IMAGENET_MEAN, IMAGENET_STD, VOC_SCHEMA
from segstudio.models.registry import RECOGNISED
from segstudio.runs.engine import Engine, Previewed
from segstudio.runs.kept_weights import KeptWeights
from segstudio.session.document import Document
from segstudio.storage.published_classes import cityscapes_schema

OWN: Final = "own"
"""Stands for numbers that are none of the usual ones."""
PREVIEW_PX: Final = 640
"""The longer side of the image that a preview runs on, at most."""
_AVERAGED: Final = (np.uint8, np.uint16, np.float32, np.float64)


@dataclass(frozen=True)
class ValuePreset:
    """A usual way to make numbers of an image's pixels.

    Attributes:
        key: Its name in this program.
        title: Its name for people.
        scaling: See `models.preprocess.Preprocess`.
        mean: Subtracted afterwards; of red, green and blue.
        std: Divided by then.
    """

    key: str
    title: str
    scaling: str
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def numbers(self, channels: int) -> tuple[list[float], list[float]]:
        """Mean and deviation for so many channels; of grey the middle of the three."""
        if channels == len(self.mean):
            return [*self.mean], [*self.std]
        mean = round(sum(self.mean) / len(self.mean), 3)
        std = round(sum(self.std) / len(self.std), 3)
        return [mean] * channels, [std] * channels


VALUE_PRESETS: Final = (
    ValuePreset("unit", "0 to 1 (divided by 255)", "unit"),
    ValuePreset(
        "imagenet", "ImageNet (0 to 1, then its mean and deviation)", "unit",
        tuple(IMAGENET_MEAN), tuple(IMAGENET_STD),
    ),
    ValuePreset("signed", "-1 to 1", "unit", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    ValuePreset("bytes", "0 to 255 (as they are)", "none"),
    ValuePreset("percentile", "Own percentiles of each image, 0 to 1", "percentile"),
    ValuePreset("standard", "Own mean and deviation of each image", "standard"),
)  # fmt: skip
CHANNEL_TITLES: Final = {
    "rgb": "Red, green, blue",
    "bgr": "Blue, green, red (OpenCV)",
    "grey": "Grey",
}
BY_NUMBER: Final = "by number"
"""Stands for stored channels that are chosen by their numbers."""
_MOST_CHANNELS: Final = 1024
_DECIMAL_COMMA: Final = re.compile(r"[-+]?\d*,\d+")
OUTPUT_TITLES: Final[dict[OutputKind, str]] = {
    "softmax": "The highest of the classes (softmax)",
    "sigmoid": "Each class by itself (sigmoid)",
    "logit": "One class against background (one logit)",
}
SIZE_TITLES: Final = {
    "": "As it is", "factor": "Times a factor", "short_side": "Shorter side", "size": "Exact",
}  # fmt: skip
assert {*OUTPUT_TITLES} == {*get_args(OutputKind)}


def preset_of(preprocess: Mapping[str, Any]) -> str:
    """Which of the usual ways some preprocessing is; `OWN` if none."""
    channels = channels_of(preprocess)
    scaling = preprocess.get("scaling", "unit")
    mean = _numbers(preprocess.get("mean", [0.0]), channels)
    std = _numbers(preprocess.get("std", [1.0]), channels)
    for preset in VALUE_PRESETS:
        if preset.scaling == scaling and preset.numbers(channels) == (mean, std):
            return preset.key
    return OWN


def channels_of(preprocess: Mapping[str, Any]) -> int:
    """How many channels the network's input has."""
    channels = preprocess.get("channels")
    if isinstance(channels, list | tuple):
        return len(channels)
    return 1 if channels == "grey" else 3


def _numbers(values: Sequence[float], channels: int) -> list[float]:
    found = [float(value) for value in values]
    return found[:1] * channels if len(set(found)) == 1 else found


def parse_numbers(text: str, channels: int, name: str) -> list[float]:
    """Numbers as a user types them, one for all channels or one for each.

    A comma stands between numbers, "0, 0, 1", or within them, "0,485 0,456 0,406".

    Raises:
        SegstudioError: in plain words; of what could be read in both ways too.
    """
    words = text.replace(";", " ").split()
    within = bool(words) and all(_DECIMAL_COMMA.fullmatch(word) for word in words)
    if within and len(words) == 1 and channels == 2:
        whole, part = text.strip().split(",")
        raise SegstudioError(
            f"{name} is {text.strip()}, which may be one number or two.",
            f"Give {whole or 0}.{part} for one, {whole or 0} {part} for two.",
        )
    if within and len(words) in (1, channels):
        parts = [word.replace(",", ".") for word in words]
    else:
        parts = text.replace(";", " ").replace(",", " ").split()
    try:
        found = [float(part) for part in parts]
    except ValueError:
        found = []
    if len(found) not in (1, channels) or not all(map(math.isfinite, found)):
        raise SegstudioError(
            f"{name} is {text.strip() or 'empty'}.", f"Give {_wanted(channels, name)}."
        )
    wrong = [number for number in found if number <= 0]
    if name == "Deviation" and wrong:
        raise SegstudioError(
            f"Deviation is {wrong[0]:g}; it must be above 0.", f"Give {_wanted(channels, name)}."
        )
    return found * channels if len(found) == 1 else found


def _wanted(channels: int, name: str) -> str:
    if channels == 1:
        return "one number: 0.5"
    usual = IMAGENET_STD if name == "Deviation" else IMAGENET_MEAN
    numbers = [*usual, *[0.5] * channels][:channels]
    return f"one number or {channels}: {' '.join(map(str, numbers))}"


def parse_channels(text: str, count: int) -> list[int]:
    """Numbers of channels as a user types them, from 1 on, in the network's order.

    Raises:
        SegstudioError: in plain words.
    """
    parts = text.replace(";", " ").replace(",", " ").split()
    numbers = [int(part) for part in parts if part.isascii() and part.isdecimal()]
    fits = len(numbers) == len(parts) and all(1 <= n <= _MOST_CHANNELS for n in numbers)
    if not fits or len(numbers) != count:
        usual = " ".join(map(str, range(1, count + 1)))
        wanted = counted(count, "number") if fits else "numbers from 1 on"
        raise SegstudioError(f"Channels is {text.strip() or 'empty'}.", f"Give {wanted}: {usual}.")
    return numbers


def with_channels(spec: ModelSpec, text: str) -> ModelSpec:
    """The model with other channels: "rgb", "bgr", "grey", or numbers.

    Raises:
        SegstudioError: if the network takes another number of channels.
    """
    count = channels_of(spec.preprocess)
    if text in CHANNEL_TITLES:
        wanted = {"channels": text}
        if channels_of(wanted) != count:
            raise SegstudioError(
                f"{spec.title} takes {counted(count, 'channel')}, not {text}.",
                f"Give {counted(count, 'number')} of channels.",
            )
        return replace(spec, preprocess={**spec.preprocess, **wanted})
    try:
        numbers = parse_channels(text, count)
    except SegstudioError as error:
        raise SegstudioError(
            f"{spec.title} takes {counted(count, 'channel')}, not {text!r}.",
            f"Give so many numbers from 1 on: channels={','.join(map(str, range(1, count + 1)))}.",
        ) from error
    return replace(spec, preprocess={**spec.preprocess, "channels": numbers})


def numbers_text(values: Sequence[float]) -> str:
    """Numbers as they are shown and typed; one where all are alike."""
    shown = [f"{value:g}" for value in values]
    return shown[0] if len(set(shown)) == 1 else "  ".join(shown)


# -- classes -----------------------------------------------------------------------------------


def output_channels(spec: ModelSpec) -> int:
    """How many channels the network's output has, which its file fixes."""
    for name in ("num_classes", "classes"):
        if isinstance(spec.options.get(name), int):
            return int(spec.options[name])
    count = len(spec.schema.classes)
    return {"logit": 1, "sigmoid": count - 1}.get(spec.output.kind, count)


def possible_outputs(spec: ModelSpec) -> tuple[OutputKind, ...]:
    """What the channels of the network's output may mean; one channel has no second to exceed.

    Nothing is to be chosen where the network finds objects, or classes and masks by queries.
    """
    family = FAMILIES.get(spec.family)
    if spec.task != "semantic" or (family is not None and family.task == "panoptic"):
        return ()
    return ("logit",) if output_channels(spec) == 1 else ("softmax", "sigmoid")


def with_output(spec: ModelSpec, output: Output) -> ModelSpec:
    """The same with another meaning of the output, and as many classes as that tells apart.

    Classes keep their names: single ones move up by one to leave 0 to the background.
    """
    wanted = output.classes(output_channels(spec))
    classes = [*spec.schema.classes]
    if wanted == len(classes) + 1:
        moved = [replace(c, id=c.id + 1) for c in classes]
        if any(c.name in ("background", f"class {c.id - 1}") for c in moved):
            moved = list(_unnamed(wanted).classes[1:])
        classes = [ClassSpec(0, "background", distinct_color(0)), *moved]
    elif wanted == len(classes) - 1:
        classes = [replace(c, id=c.id - 1) for c in classes if c.id > 0]
    elif wanted != len(classes):
        classes = [*_unnamed(wanted).classes]
    return replace(spec, output=output, schema=replace(spec.schema, classes=tuple(classes)))


def _unnamed(count: int) -> LabelSchema:
    return LabelSchema.from_ids(range(count), ignore_index=None)


def class_lists(count: int, folder: LabelSchema | None) -> dict[str, LabelSchema]:
    """Lists of so many classes by name: those of the open folder, and published ones."""
    known = {"Pascal VOC": VOC_SCHEMA, "Cityscapes": cityscapes_schema("train")}
    if folder is not None:
        known = {"Those of the folder": folder, **known}
    return {
        title: schema
        for title, schema in known.items()
        if len(schema.classes) == count == schema.num_classes
    }


def repeated_names(schema: LabelSchema) -> str:
    """Which classes are called alike, in a sentence; "" if none are."""
    ids: dict[str, list[int]] = {}
    for each in schema.classes:
        ids.setdefault(each.name.casefold(), []).append(each.id)
    alike = [(schema.name_of(own[0]), own) for own in ids.values() if len(own) > 1]
    if not alike:
        return ""
    name, own = alike[0]
    more = len(alike) - 1
    others = f"; so are those of {counted(more, 'more name')}" if more else ""
    numbers = f"{', '.join(map(str, own[:-1]))} and {own[-1]}"
    return (
        f"Classes {numbers} are all called {name}{others}."
        if len(own) > 2
        else (f"Classes {numbers} are both called {name}{others}.")
    )


def with_names(schema: LabelSchema, names: Sequence[str]) -> LabelSchema:
    """The classes with other names, as far as there are any: the number of classes is fixed."""
    given = [name.strip() for name in names if name.strip()]
    classes = [
        replace(c, name=given[place]) if place < len(given) else c
        for place, c in enumerate(schema.classes)
    ]
    return replace(schema, classes=tuple(classes))


# -- words -------------------------------------------------------------------------------------


def network_text(entry: KeptWeights) -> str:
    """What was found in a file: tensors, family, depth, channels, classes."""
    spec = entry.spec
    family = FAMILIES.get(spec.family)
    levels = spec.options.get("depth")
    inside = next(
        (
            str(spec.options[name])
            for name in ("encoder", "encoder_name", "backbone")
            if name in spec.options
        ),
        "",
    )
    title = spec.family if family is None else family.title
    if "tensors" in spec.options and spec.description.startswith(RECOGNISED):
        # told by their structure: the family's title says less
        title = spec.description.partition(": ")[2].partition(",")[0] or title
    if "arch" in spec.options:  # of a library
        title = f"{spec.options['arch']} of {title}"
    whole = f"{title} of {counted(levels, 'level')}" if isinstance(levels, int) else title
    whole = f"{whole} on {inside}" if inside else whole
    channels = counted(channels_of(spec.preprocess), "channel")
    classes = counted(len(spec.schema.classes), "class", "classes")
    loaded = f"Loaded {entry.tensors:,} of {entry.tensors:,} tensors: " if entry.tensors else ""
    size = only_size(spec)
    fixed = (
        f" Its input is always {size[1]} x {size[0]} pixels: images are resized to it, and the "
        "answer back."
        if size
        else ""
    )
    return f"{loaded}{whole}, {channels}, {classes}.{fixed}"


def only_size(spec: ModelSpec) -> tuple[int, int] | None:
    """Height and width that the network's input always has; None where it may have others."""
    found = spec.options.get("input_hw")
    return None if found is None else (int(found[0]), int(found[1]))


def shares_text(labels: Image, schema: LabelSchema) -> str:
    """How much of an image each class takes, the largest first."""
    counts = np.bincount(labels.reshape(-1), minlength=256)
    parts = [
        (int(count), schema.name_of(class_id)) for class_id, count in enumerate(counts) if count
    ]
    parts.sort(reverse=True)
    total = int(counts.sum())
    shown = ", ".join(f"{name} {100 * count / total:.3g} %" for count, name in parts[:4])
    more = len(parts) - 4
    return f"{shown} and {counted(more, 'more class', 'more classes')}" if more > 0 else shown


# -- the preview -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """How a description looks on the open image.

    Attributes:
        photo: (h, w, 3) uint8 RGB, reduced.
        overlay: The same with the answer over it; None if there is none.
        text: What was found and what the network was given, or what is wrong.
        is_wrong: Whether it cannot run like this.
    """

    photo: Image
    overlay: Image | None
    text: str
    is_wrong: bool = False


class Previewing:
    """Runs a description on the open image in the background; only the latest one is told."""

    _KEY: Final = "weights-preview"

    def __init__(self, jobs: JobRunner, engine: Engine) -> None:
        self._jobs, self._engine = jobs, engine

    def ask(
        self,
        spec: ModelSpec,
        document: Document,
        options: RunOptions,
        told: Callable[[Preview], None],
    ) -> None:
        """Tell how a model would answer on an image; what came before is dropped."""
        engine = self._engine

        def work(job: Job) -> Preview:
            photo, part = reduced(document.pixels)
            given = photo if not reads_stored(spec) else reduced(document.given_to(spec))[0]
            try:
                seen = engine.preview(spec, given, options, job.check)
            except SegstudioError as error:
                text = f"{error.message} {error.hint}".strip()
                return Preview(photo, None, text, is_wrong=True)
            overlay = overlay_rgb(photo, seen.prediction.labels, spec.schema)
            return Preview(photo, overlay, _seen_text(spec, seen, part))

        self._jobs.submit(
            f"Trying {spec.title}", "preview", work, told, key=self._KEY, visible=False
        )

    def stop(self) -> None:
        """Nobody waits for an answer any more."""
        self._jobs.cancel_key(self._KEY)


def reduced(pixels: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], float]:
    """An image (H, W, C) with a longer side of `PREVIEW_PX` at most, and its size relative to the whole.

    Of stored values of a type that OpenCV does not take single pixels are picked.
    """
    height, width = pixels.shape[:2]
    part = min(1.0, PREVIEW_PX / max(height, width))
    if part == 1.0:
        return pixels, 1.0
    size = (max(1, round(width * part)), max(1, round(height * part)))
    if pixels.dtype not in _AVERAGED:
        rows, columns = (
            np.arange(n) * whole // n for n, whole in zip(size[::-1], (height, width), strict=True)
        )
        return pixels[rows][:, columns], part
    # OpenCV takes four channels at most
    planes = [
        cv2.resize(np.ascontiguousarray(pixels[..., c]), size, interpolation=cv2.INTER_AREA)
        for c in range(pixels.shape[2])
    ]
    return np.stack(planes, axis=-1), part


def _seen_text(spec: ModelSpec, seen: Previewed, part: float) -> str:
    low, high = seen.input_range
    height, width = seen.input_hw
    small = "" if part == 1.0 else f" The image is seen at {percent_text(part, 0)} of its size."
    return (
        f"{shares_text(seen.prediction.labels, spec.schema)}.\n"
        f"The network saw {width} x {height} pixels with values from {low:.3g} to {high:.3g}.{small}"
    )
