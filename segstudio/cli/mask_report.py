"""The report of `segstudio evaluate`: folders of masks in place of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segstudio.cli.mask_layout import MaskPlace
from segstudio.cli.mask_pairs import MISSING_TEXTS, MaskFolders, Pair
from segstudio.cli.options import Missing
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.evaluation.report.material import EvaluatedRun, Material, ShownImage
from segstudio.evaluation.report.wording import count
from segstudio.metrics.bootstrap import PairedDifference, paired_difference
from segstudio.metrics.image_figures import ImageFigures
from segstudio.storage.decode import read_image
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.layout import mask_base
from segstudio.storage.scan import scan


@dataclass(frozen=True, eq=False)
class Measured:
    """A folder of predicted masks and what was counted.

    Attributes:
        folder: The predictions.
        masks: The folders as they were read.
        figures: By file of the ground truth.
    """

    folder: Path
    masks: MaskFolders
    figures: Mapping[Path, ImageFigures]


def material_of(
    measured: Sequence[Measured],
    class_ids: Sequence[int],
    photos: Path | None,
    command: str,
    missing: Missing,
) -> Material:
    """What a report of folders of masks is made from: the images that all of them have.

    Args:
        measured: The folders.
        class_ids: The classes to score.
        photos: Folder of the images; None if there is none to show.
        command: The line that repeats it.
        missing: What ground truth without a prediction counts as.

    Raises:
        SegstudioError: if the folder of the images cannot be read.
    """
    paths = [p for p in measured[0].figures if all(p in m.figures for m in measured)]
    names = _titles([m.folder for m in measured])
    figures = {n: [m.figures[p] for p in paths] for n, m in zip(names, measured, strict=True)}
    masks = {n: m.masks for n, m in zip(names, measured, strict=True)}
    foreground = measured[0].masks.schema.foreground_among(class_ids)
    runs = [
        EvaluatedRun.of(
            name,
            name,
            figures[name],
            class_ids,
            {"Masks": str(one.folder.resolve())},
            foreground_ids=foreground,
            notes=tuple(note for note in (_detections_note(one.masks),) if note),
        )
        for name, one in zip(names, measured, strict=True)
    ]
    pictures = None if photos is None else _photos(photos)

    def paired(first: str, second: str) -> PairedDifference:
        pairs = [[f.pairs for f in figures[run]] for run in (first, second)]
        return paired_difference(pairs[0], pairs[1], class_ids, foreground_ids=foreground)

    def show(place: int) -> ShownImage | None:
        try:
            found = {n: masks[n].pair_at(paths[place]) for n in names}
        except SegstudioError:
            return None
        return _shown({n: p for n, p in found.items() if p is not None}, pictures)

    truth = measured[0].masks.places[1]
    return Material(
        "/".join(truth.given.resolve().parts[-2:]),
        measured[0].masks.schema,
        [measured[0].figures[p].name for p in paths],
        tuple(runs),
        paired,
        show,
        _settings(truth),
        command,
        (*_left_out(measured, len(paths)), *_missing(measured, missing)),
    )


def _detections_note(masks: MaskFolders) -> str:
    """Where average precision comes from, if that matters."""
    if masks.detections is not None:
        return f"Average precision is of the detections in {masks.detections.path}."
    return f"Average precision: {masks.lost_detections}" if masks.lost_detections else ""


def _settings(truth: MaskPlace) -> dict[str, str]:
    found = {"Ground truth": str(truth.classes.resolve())}
    if truth.instances is not None:
        found["Its objects"] = str(truth.instances.resolve())
    return found


def _missing(measured: Sequence[Measured], missing: Missing) -> list[str]:
    """That ground truth has no prediction, and what it counts as."""
    texts = [one.masks.missing_text(one.folder) for one in measured]
    return [f"{text} {MISSING_TEXTS[missing]}" for text in texts if text]


def _titles(folders: Sequence[Path]) -> list[str]:
    """Names of folders, with as many of their parents as tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    depth = 1
    while len({p[-depth:] for p in parts}) < len(parts) and depth < max(map(len, parts)):
        depth += 1
    return ["/".join(p[-depth:]).lstrip("/") for p in parts]


def _photos(folder: Path) -> dict[str, ImageRef]:
    """Images by their names without extension."""
    found = scan(folder)
    refs = [ImageRef(name, str(found.images_root)) for name in found.names]
    return {_key(ref): ref for ref in refs}


def _key(ref: ImageRef) -> str:
    return f"{ref.folder}/{ref.stem}"


def _shown(pairs: Mapping[str, Pair], photos: Mapping[str, ImageRef] | None) -> ShownImage | None:
    if not pairs:
        return None
    first = next(iter(pairs.values()))
    return ShownImage(
        first.truth.labels,
        {name: pair.prediction.labels for name, pair in pairs.items()},
        None if photos is None else _photo_of(first, photos),
        first.truth.instances,
        {n: p.predicted_objects for n, p in pairs.items() if p.predicted_objects is not None},
    )


def _photo_of(pair: Pair, photos: Mapping[str, ImageRef]) -> Image | None:
    """The photo of a mask, by its name with or without an ending like _mask."""
    mask = ImageRef(pair.name, "")
    names = [_key(mask)]
    base = mask_base(mask.stem)
    names += [f"{mask.folder}/{base}"] if base is not None else []
    ref = next((photos[name] for name in names if name in photos), None)
    if ref is None:
        return None
    try:
        pixels = read_image(ref.path).pixels
    except SegstudioError:
        return None
    return pixels if pixels.shape[:2] == pair.truth.labels.shape else None


def _left_out(measured: Sequence[Measured], number: int) -> tuple[str, ...]:
    some = set().union(*(set(m.figures) for m in measured))
    missing = len(some) - number
    if not missing:
        return ()
    text = (
        "The folders do not have the same masks. All figures are of the "
        f"{count(number, 'image')} that all have in common; "
        f"{count(missing, 'other is', 'others are')} left out."
    )
    return (text,)
