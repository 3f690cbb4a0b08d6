"""`segstudio predict`: one model over a folder, one PNG an image."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.errors import FAILURE, OK, InputError, input_errors
from segstudio.cli.loading import chosen_spec, fetch_weights, segmenter_on
from segstudio.cli.output import ShowProgress, print_json, progress_bar, say, warn
from segstudio.cli.stopping import STOPPED, Stopped
from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Prediction, RunOptions, parts_of
from segstudio.evaluation.report.wording import stacks_text
from segstudio.models.download import sha256_of
from segstudio.models.weights import find_weights
from segstudio.storage.atomic import make_folder
from segstudio.storage.coco_results import COCO_NAME, CocoFile
from segstudio.storage.decode import every_page, pages_in_image, read_image
from segstudio.storage.formats.png import encode_index_png, encode_instance_png, png_texts
from segstudio.storage.image_ref import ImageRef, page_title
from segstudio.storage.layout import page_stem
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.project import open_project
from segstudio.storage.schema_file import read_entry, write_schema
from segstudio.storage.write_root import WriteRoot

if TYPE_CHECKING:
    from segstudio.models.segmenter import Segmenter

_SOFTWARE = "segstudio predict"
_SETTINGS = "predict"
_MIXED = "predict_mixed_with"
_COCO_EVERY_S = 300.0


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
    allow_mixed: bool = False
    save_coco: bool = False
    all_pages: bool = True
    masks: ChosenMasks = field(default_factory=ChosenMasks)


@dataclass(frozen=True)
class Target:
    """An image and where its results go.

    Attributes:
        ref: The image.
        title: Its name for people, of a stack's page with the page.
        name: Of its class map, from the folder of the results.
        labels: Its class map.
        instances: Its objects, for a model that tells them apart.
    """

    ref: ImageRef
    title: str
    name: str
    labels: Path
    instances: Path | None


@dataclass
class Summary:
    """What was done so far."""

    written: int = 0
    skipped: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    stacks: dict[str, int] = field(default_factory=dict)
    """Pages of the images of which the first alone has a result."""
    seconds: float = 0.0
    device: str = ""


def predict(request: Request, *, as_json: bool) -> int:
    """Segment the images of a folder and print a summary.

    Images that have their result are skipped; those that fail are reported and the rest goes on.

    Returns:
        The exit code: 1 if an image failed, 130 if Ctrl+C stopped it.

    Raises:
        InputError: if the folder, the model or the output folder cannot be used.
        SegstudioError: if the weights cannot be had or do not fit.
    """
    with input_errors():
        spec = chosen_spec(request.model, request.weights, "run")
        if request.save_coco and spec.task != "instance":
            raise InputError(
                f"{spec.title} tells no objects apart, so it has no detections to save.",
                "Leave coco out of --save, or run a model that finds objects.",
            )
        refs = _images(request)
        every = _targets(refs, request.out, with_instances=spec.task == "instance")
        chosen = every[: request.limit]
        _require_own(chosen, spec, request)
        coco = _coco_of(request, spec)
    fetch_weights(spec)
    with input_errors():
        pending = [t for t in chosen if request.overwrite or not _is_done(t, spec, coco)]
        settings = _Settings.of(spec, request, kept=_kept(request, pending))
    summary = Summary(skipped=len(chosen) - len(pending))
    stopped = False
    if pending:
        segmenter = segmenter_on(spec, request.options.device)
        segmenter.load()
        make_folder(request.out)
        settings.write(request.out, spec)
        try:
            with progress_bar("Segmenting") as show:
                _run_all(segmenter, pending, request, summary, show, coco)
        except (Stopped, KeyboardInterrupt):
            stopped = True
        finally:
            if coco is not None:
                coco.write(WriteRoot(request.out))
        if not stopped and not summary.failed:
            settings.alone().write(request.out, spec)
    if not request.all_pages:
        done = [target for target in chosen if _is_done(target, spec, coco)]
        pages = {target.title: pages_in_image(target.ref.path) for target in done}
        summary.stacks = {name: number for name, number in pages.items() if number > 1}
    _print_summary(request, spec, every, summary, as_json=as_json)
    if stopped:
        warn(f"error: stopped after {summary.written} of {len(pending)} images")
        return STOPPED
    return FAILURE if summary.failed else OK


@dataclass(frozen=True)
class _Settings:
    """With what the results of a folder were made, as its `segstudio.json` tells.

    Attributes:
        own: The model, its weights, and the options that change what comes out.
        others: Those of results that are there already and are made with other settings.
        kept: Whether there are results that are not made again.
    """

    own: dict[str, object]
    others: tuple[dict[str, object], ...]
    kept: bool

    @classmethod
    def of(cls, spec: ModelSpec, request: Request, *, kept: bool) -> _Settings:
        """Compare with what is written in the folder of the results.

        Raises:
            InputError: if results are there, made with other settings, that stay.
        """
        own: dict[str, object] = {
            "model": spec.id,
            "weights": ", ".join(_weights_text(part) for part in parts_of(spec)),
            "tile": request.options.tile_px,
        }
        if spec.task == "instance":
            own["score"] = request.options.score_threshold
        found = [read_entry(request.out, _SETTINGS)]
        mixed = read_entry(request.out, _MIXED)
        found += mixed if isinstance(mixed, list) else []
        others = tuple(entry for entry in found if isinstance(entry, dict) and entry != own)
        if others and kept and not request.allow_mixed:
            raise InputError(
                f"{request.out} holds results made with {_unlike(others[0], own)}; "
                f"these would be made with {_unlike(own, others[0])}.",
                "Give another folder or the same options; --overwrite makes them again, "
                "--allow-mixed adds to them.",
            )
        return cls(own, others, kept)

    def alone(self) -> _Settings:
        """What holds once all results were made again."""
        return self if self.kept else _Settings(self.own, (), False)

    def write(self, out: Path, spec: ModelSpec) -> None:
        """Write them beside the classes; results that other settings made are told of."""
        entries = {_SETTINGS: self.own, _MIXED: list(self.others) or None}
        write_schema(out, spec.schema, entries=entries)


def _weights_text(spec: ModelSpec) -> str:
    """The SHA-256 of a model's weights; their name where they are not there."""
    path = find_weights(spec)
    if path is None:
        return "" if spec.weights is None else Path(spec.weights.filename).name
    try:
        return f"SHA-256 {sha256_of(path)}"
    except OSError as error:
        raise SegstudioError(f"{path} cannot be read: {error.strerror or error}.") from error


def _unlike(settings: dict[str, object], others: dict[str, object]) -> str:
    """The settings that others have not, as words."""
    names = [n for n in {**settings, **others} if settings.get(n) != others.get(n)]
    return ", ".join(f"{name} {settings.get(name, 'unknown')}" for name in names)


def _kept(request: Request, pending: Sequence[Target]) -> bool:
    """Whether the folder holds results that are not made again."""
    if not request.out.is_dir():
        return False
    again = {target.labels for target in pending} | {t.instances for t in pending if t.instances}
    written = (
        path
        for path in sorted(request.out.rglob("*.png"))
        if path not in again and png_texts(path).get("Software", "").startswith(_SOFTWARE)
    )
    return next(written, None) is not None


def _coco_of(request: Request, spec: ModelSpec) -> CocoFile | None:
    """The file of detections, with what it holds; None if none is wanted."""
    if not request.save_coco:
        return None
    return CocoFile.at(request.out / COCO_NAME, spec.schema)


def _images(request: Request) -> list[ImageRef]:
    """The images of the folder (or the one image given), without results that lie among them."""
    project = open_project(request.folder, masks=request.masks)
    if request.folder.is_file():
        return _pages([project.images[project.start]], request)
    for note in project.notes:
        warn(f"note: {note}")
    out = request.out.resolve()
    refs = list(project.images)
    if out.is_relative_to(project.images_root.resolve()):
        refs = [ref for ref in refs if not ref.path.resolve().is_relative_to(out)] or refs
    return _pages(refs, request)


def _pages(refs: list[ImageRef], request: Request) -> list[ImageRef]:
    """The images, or all their pages if these were asked for."""
    if not request.all_pages:
        return refs
    return every_page(refs)


def _targets(refs: Sequence[ImageRef], out: Path, *, with_instances: bool) -> list[Target]:
    """Where each image's results go: its stem, or its whole name if another image has its stem."""
    taken: set[tuple[str, str]] = set()
    pages = Counter(ref.name for ref in refs)
    targets = []
    for ref in sorted(refs, key=lambda r: (r.page, r.name)):
        stem = page_stem(ref.stem, ref.page)
        key = (ref.folder, stem.casefold())
        name = f"{page_stem(ref.filename, ref.page) if key in taken else stem}.png"
        taken.add(key)
        instances = out / "instances" / ref.folder / name if with_instances else None
        place = f"{ref.folder}/{name}" if ref.folder else name
        title = page_title(ref.name, ref.page, pages[ref.name])
        targets.append(Target(ref, title, place, out / ref.folder / name, instances))
    order = {ref: i for i, ref in enumerate(refs)}
    return sorted(targets, key=lambda t: order[t.ref])


def _software(spec: ModelSpec) -> str:
    return f"{_SOFTWARE} {spec.id}"


def _is_done(target: Target, spec: ModelSpec, coco: CocoFile | None) -> bool:
    """Whether the results of this model are there; the class map is written last."""
    if coco is not None and target.name not in coco.entries:
        return False
    return png_texts(target.labels).get("Software") == _software(spec)


def _require_own(targets: Sequence[Target], spec: ModelSpec, request: Request) -> None:
    """Refuse to write where another's files are.

    Raises:
        InputError: if a file is in the way that this command must not replace.
    """
    in_the_way = next((p for p in (request.out, *request.out.parents) if p.exists()), request.out)
    if in_the_way.exists() and not in_the_way.is_dir():
        raise InputError(f"{in_the_way} is a file.", "Give a folder for the results.")
    for target in targets:
        if not target.labels.exists():
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


def _run_all(
    segmenter: Segmenter,
    pending: Sequence[Target],
    request: Request,
    summary: Summary,
    show: ShowProgress,
    coco: CocoFile | None,
) -> None:
    start = saved = time.perf_counter()
    for index, target in enumerate(pending):
        name = target.title
        show(index, len(pending), name)
        try:
            prediction = _run(segmenter, target, request, coco)
        except SegstudioError as error:
            summary.failed.append({"name": name, "error": str(error)})
            warn(f"error: {error}")
        else:
            summary.written += 1
            summary.device = prediction.device
            if prediction.notes:
                summary.notes[name] = list(prediction.notes)
        summary.seconds = time.perf_counter() - start
        if coco is not None and time.perf_counter() - saved > _COCO_EVERY_S:
            coco.write(WriteRoot(request.out))
            saved = time.perf_counter()
    show(len(pending), len(pending))


def _run(
    segmenter: Segmenter, target: Target, request: Request, coco: CocoFile | None
) -> Prediction:
    """Predict one image and write its files; the class map last, since it marks the end.

    No link in the output folder is followed out of it.
    """
    image = read_image(target.ref.path, target.ref.page)
    prediction = segmenter.predict(image.pixels, request.options, name=str(target.ref.path))
    spec = segmenter.spec
    root = WriteRoot(request.out)
    if target.instances is not None and prediction.instance_ids is not None:
        root.make_folder(target.instances.parent)
        scores = _shown_scores(prediction)
        data = encode_instance_png(prediction.instance_ids, _software(spec), scores=scores)
        root.write(target.instances, data)
    if coco is not None and prediction.instances is not None:
        found, threshold = prediction.instances, request.options.mask_threshold
        coco.put(target.name, target.ref.key, prediction.shape_hw, found, threshold)
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
    request: Request, spec: ModelSpec, every: Sequence[Target], summary: Summary, *, as_json: bool
) -> None:
    pages = Counter(target.ref.name for target in every)
    stacks = {name: number for name, number in pages.items() if number > 1}
    per_image = summary.seconds / summary.written if summary.written else 0.0
    if as_json:
        data: dict[str, Any] = {
            "model": spec.id,
            "out": str(request.out),
            "images": len(every),
            "stacks": stacks,
            "written": summary.written,
            "skipped": summary.skipped,
            "failed": summary.failed,
            "device": summary.device,
            "seconds": summary.seconds,
            "seconds_per_image": per_image,
            "notes": summary.notes,
            "first_page_of": summary.stacks,
        }
        print_json(data)
        return
    say(
        f"{summary.written} written, {summary.skipped} already there, "
        f"{len(summary.failed)} failed, of {len(every)} images; {request.out}"
    )
    if stacks:
        say(stacks_text(stacks))
    if summary.written:
        say(f"{per_image:.2f} s an image on {summary.device}")
    if summary.stacks:
        named = ", ".join(f"{name} ({n})" for name, n in list(summary.stacks.items())[:5])
        more = ", ..." if len(summary.stacks) > 5 else ""
        say(f"only the first page was segmented of {named}{more}; without --pages first all are")
    for name, notes in list(summary.notes.items())[:5]:
        say(f"{name}: {' '.join(notes)}")
