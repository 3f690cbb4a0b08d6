"""`segstudio predict`: one model over a folder, one PNG an image."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.errors import FAILURE, OK, InputError, input_errors
from segstudio.cli.loading import chosen_spec, fetch_weights, segmenter_on
from segstudio.cli.output import ShowProgress, print_json, progress_bar, warn
from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Prediction, RunOptions
from segstudio.storage.atomic import make_folder
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.images import read_image
from segstudio.storage.mask_files import png_texts
from segstudio.storage.masks import encode_index_png, encode_instance_png
from segstudio.storage.project import open_project
from segstudio.storage.schema_file import write_schema
from segstudio.storage.write_root import WriteRoot

if TYPE_CHECKING:
    from segstudio.models.segmenter import Segmenter

_SOFTWARE = "segstudio predict"


@dataclass(frozen=True)
class Request:
    """What the command was asked to do; fields as its arguments."""

    folder: Path
    out: Path
    model: str | None = None
    weights: Path | None = None
    options: RunOptions = field(default_factory=RunOptions)
    limit: int | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Target:
    """An image and where its results go."""

    ref: ImageRef
    labels: Path
    instances: Path | None


@dataclass
class Summary:
    """What was done so far."""

    written: int = 0
    skipped: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    device: str = ""


def predict(request: Request, *, as_json: bool) -> int:
    """Segment the images of a folder and print a summary.

    Images that have their result are skipped; those that fail are reported and the rest goes on.

    Returns:
        The exit code: 1 if an image failed.

    Raises:
        InputError: if the folder, the model or the output folder cannot be used.
        SegstudioError: if the weights cannot be had or do not fit.
    """
    with input_errors():
        spec = chosen_spec(request.model, request.weights, "run")
        refs = _images(request)
        targets = _targets(refs, request.out, with_instances=spec.task == "instance")
        pending = _unfinished(targets, spec, request)[: request.limit]
    summary = Summary(skipped=sum(_is_done(t, spec) for t in targets))
    if request.overwrite:
        summary.skipped = 0
    stopped = False
    if pending:
        fetch_weights(spec)
        segmenter = segmenter_on(spec, request.options.device)
        segmenter.load()
        make_folder(request.out)
        write_schema(request.out, spec.schema)
        try:
            with progress_bar("Segmenting") as show:
                _run_all(segmenter, pending, request, summary, show)
        except KeyboardInterrupt:
            stopped = True
    _print_summary(request, spec, len(targets), summary, as_json=as_json)
    if stopped:
        warn(f"error: stopped after {summary.written} of {len(pending)} images")
    return FAILURE if stopped or summary.failed else OK


def _images(request: Request) -> list[ImageRef]:
    """The images of the folder (or the one image given), without results that lie among them."""
    project = open_project(request.folder)
    if request.folder.is_file():
        return [project.images[project.start]]
    out = request.out.resolve()
    refs = list(project.images)
    if not out.is_relative_to(project.images_root.resolve()):
        return refs
    return [ref for ref in refs if not ref.path.resolve().is_relative_to(out)] or refs


def _targets(refs: Sequence[ImageRef], out: Path, *, with_instances: bool) -> list[Target]:
    """Where each image's results go: its stem, or its whole name if another image has its stem."""
    taken: set[tuple[str, str]] = set()
    targets = []
    for ref in sorted(refs, key=lambda r: r.name):
        key = (ref.folder, ref.stem.casefold())
        name = f"{ref.filename if key in taken else ref.stem}.png"
        taken.add(key)
        instances = out / "instances" / ref.folder / name if with_instances else None
        targets.append(Target(ref, out / ref.folder / name, instances))
    order = {ref: i for i, ref in enumerate(refs)}
    return sorted(targets, key=lambda t: order[t.ref])


def _software(spec: ModelSpec) -> str:
    return f"{_SOFTWARE} {spec.id}"


def _is_done(target: Target, spec: ModelSpec) -> bool:
    """Whether the results of this model are there; the class map is written last."""
    return png_texts(target.labels).get("Software") == _software(spec)


def _unfinished(targets: Sequence[Target], spec: ModelSpec, request: Request) -> list[Target]:
    """The images to work on.

    Raises:
        InputError: if a file is in the way that this command must not replace.
    """
    if request.out.is_file():
        raise InputError(f"{request.out} is a file.", "Give a folder for the results.")
    pending = []
    for target in targets:
        if not target.labels.exists():
            pending.append(target)
            continue
        writer = png_texts(target.labels).get("Software", "")
        if not writer.startswith(_SOFTWARE):
            raise InputError(
                f"{target.labels} is there already and was not written by segstudio predict.",
                "Give another folder for the results.",
            )
        if writer != _software(spec) and not request.overwrite:
            raise InputError(
                f"{request.out} holds results of {writer.removeprefix(_SOFTWARE).strip()}.",
                "Give another folder for the results, or --overwrite.",
            )
        if request.overwrite:
            pending.append(target)
    return pending


def _run_all(
    segmenter: Segmenter,
    pending: Sequence[Target],
    request: Request,
    summary: Summary,
    show: ShowProgress,
) -> None:
    start = time.perf_counter()
    for index, target in enumerate(pending):
        show(index, len(pending), target.ref.name)
        try:
            prediction = _run(segmenter, target, request.options, request.out)
        except SegstudioError as error:
            summary.failed.append({"name": target.ref.name, "error": str(error)})
            warn(f"error: {error}")
        else:
            summary.written += 1
            summary.device = prediction.device
            if prediction.notes:
                summary.notes[target.ref.name] = list(prediction.notes)
        summary.seconds = time.perf_counter() - start
    show(len(pending), len(pending))


def _run(segmenter: Segmenter, target: Target, options: RunOptions, out: Path) -> Prediction:
    """Predict one image and write its files; the class map last, since it marks the end.

    No link in the output folder is followed out of it.
    """
    pixels = read_image(target.ref.path).pixels
    prediction = segmenter.predict(pixels, options, name=str(target.ref.path))
    spec = segmenter.spec
    root = WriteRoot(out)
    if target.instances is not None and prediction.instance_ids is not None:
        root.make_folder(target.instances.parent)
        scores = _shown_scores(prediction)
        data = encode_instance_png(prediction.instance_ids, _software(spec), scores=scores)
        root.write(target.instances, data)
    root.make_folder(target.labels.parent)
    data = encode_index_png(prediction.labels, spec.schema.palette(), _software(spec))
    root.write(target.labels, data)
    return prediction


def _shown_scores(prediction: Prediction) -> list[float]:
    """Scores of the instances 1, 2, ... up to the last one that is shown."""
    if prediction.instances is None or prediction.instance_ids is None:
        return []
    last = int(prediction.instance_ids.max(initial=0))
    scores: list[float] = prediction.instances.scores[:last].tolist()
    return scores


def _print_summary(
    request: Request, spec: ModelSpec, images: int, summary: Summary, *, as_json: bool
) -> None:
    per_image = summary.seconds / summary.written if summary.written else 0.0
    if as_json:
        data: dict[str, Any] = {
            "model": spec.id,
            "out": str(request.out),
            "images": images,
            "written": summary.written,
            "skipped": summary.skipped,
            "failed": summary.failed,
            "device": summary.device,
            "seconds": summary.seconds,
            "seconds_per_image": per_image,
            "notes": summary.notes,
        }
        print_json(data)
        return
    print(
        f"{summary.written} written, {summary.skipped} already there, "
        f"{len(summary.failed)} failed, of {images} images; {request.out}"
    )
    if summary.written:
        print(f"{per_image:.2f} s an image on {summary.device}")
    for name, notes in list(summary.notes.items())[:5]:
        print(f"{name}: {' '.join(notes)}")
