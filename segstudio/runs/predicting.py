"""Running a model from one folder into another: one PNG an image, taken up where it stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.prediction import (
    ModelSpec,
    Prediction,
    RunOptions,
    by_route_key,
    effective_options,
    parts_of,
    route_key,
)
from segstudio.folder.files import FolderFiles, MasksKnown
from segstudio.jobs import Job
from segstudio.models.weights import content_digest, find_weights
from segstudio.report.software import settings_text
from segstudio.runs.batch import Batch, BatchImage, BatchResult
from segstudio.runs.engine import Engine
from segstudio.storage.atomic import make_folder
from segstudio.storage.coco_results import COCO_NAME, CocoFile
from segstudio.storage.decode import every_page, pages_in_image
from segstudio.storage.folders import user_folders
from segstudio.storage.formats.png import (
    encode_index_png,
    encode_instance_png,
    encode_rgb_png,
    png_texts,
)
from segstudio.storage.image_ref import ImageRef, page_title
from segstudio.storage.layout import page_stem
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.panoptic_results import PANOPTIC_NAME, PanopticResults
from segstudio.storage.predictions import PredictionStore
from segstudio.storage.project import Project, open_project
from segstudio.storage.schema_file import SCHEMA_NAME, read_entry, write_schema
from segstudio.storage.write_root import WriteRoot

_SOFTWARE: Final = "segstudio predict"
_SETTINGS: Final = "predict"
_MIXED: Final = "predict_mixed_with"
_LISTS_EVERY_S: Final = 300.0
_Settings = dict[str, object]
_UNKNOWN: Final[_Settings] = {}
"""Of results whose `segstudio.json` was lost."""


@dataclass(frozen=True)
class PredictionRequest:
    """What is to be predicted, and where to.

    Attributes:
        folder: The images, or one image.
        out: The folder of the results.
        spec: The model.
        options: How it runs.
        limit: Only the first images and pages, done or not; None for all.
        overwrite: Make results again that are there already.
        allow_mixed: Add to results that were made with other options or weights.
        save_coco: Keep every detection with its score as COCO's JSON, too, and of a panoptic
            model COCO's panoptic annotations.
        all_pages: Of stacks all pages, or the first alone.
        masks: What is known to be masks, and no images.
        exact: Whether no faster way to run the model is taken.
    """

    folder: Path
    out: Path
    spec: ModelSpec
    options: RunOptions = field(default_factory=RunOptions)
    limit: int | None = None
    overwrite: bool = False
    allow_mixed: bool = False
    save_coco: bool = False
    all_pages: bool = True
    masks: ChosenMasks = field(default_factory=ChosenMasks)
    exact: bool = False


@dataclass(frozen=True)
class ResultFiles:
    """An image and where its results go.

    Attributes:
        ref: The image.
        title: Its name for people, of a stack's page with the page.
        name: Of its class map, from the folder of the results.
        labels: Its class map.
        instances: Its objects, for a model that tells them apart.
        panoptic: Both in one file, if that was asked for of a panoptic model.
    """

    ref: ImageRef
    title: str
    name: str
    labels: Path
    instances: Path | None
    panoptic: Path | None = None


class Predicting:
    """A folder's predictions as files: what there is to do, doing it, and what came of it.

    Attributes:
        request: What was asked for.
        project: The folder of the images.
        every: All images and pages with the places of their results.
        pending: Those without a result, of those asked for; known once it is prepared.
        written: How many were written.
        notes: What the model said of images, by their names.
        seconds: How long it took.
        device: Where the model ran.
    """

    def __init__(self, request: PredictionRequest) -> None:
        """Look at the images and at what is there of the results; nothing is written.

        Raises:
            SegstudioError: if the images cannot be listed, or results may not go where they are
                wanted: other files are there, or results of other models.
        """
        spec = request.spec
        if request.save_coco and not spec.finds_objects:
            raise SegstudioError(
                f"{spec.title} tells no objects apart, so it has no detections to save.",
                "Leave coco out of --save, or run a model that finds objects.",
            )
        request = replace(request, options=effective_options(spec, request.options))
        self.request = request
        self.project = open_project(request.folder, masks=request.masks)
        self.every = _targets(_images(self.project, request), request)
        self._chosen = self.every[: request.limit]
        self._require_own()
        coco = CocoFile.at(request.out / COCO_NAME, spec.schema) if request.save_coco else None
        self._coco, self._lists_written = coco, 0.0
        self._panoptic: PanopticResults | None = None
        if coco is not None and spec.task == "panoptic":
            self._panoptic = PanopticResults.at(request.out / PANOPTIC_NAME, spec.schema)
        self.pending: list[ResultFiles] = []
        self._by_ref = {target.ref: target for target in self._chosen}
        self._batch: Batch | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._writing: tuple[ImageRef, Future[None]] | None = None
        self._kept = False
        self._settings: tuple[_Settings, tuple[_Settings, ...]] = ({}, ())
        self.written = 0
        self.notes: dict[str, list[str]] = {}
        self.seconds, self.device = 0.0, ""

    @property
    def skipped(self) -> int:
        """How many of those asked for have a result."""
        return len(self._chosen) - len(self.pending)

    def failed(self, since: int = 0) -> list[tuple[str, SegstudioError]]:
        """Names of images that failed so far, without the first `since` of them, and why."""
        failures = [] if self._batch is None else self._batch.failures[since:]
        return [(self._by_ref[ref].title, error) for ref, error in failures]

    @property
    def stacks(self) -> dict[str, int]:
        """How many pages the files have that have several, where all pages are done."""
        pages = Counter(target.ref.name for target in self.every)
        return {name: number for name, number in pages.items() if number > 1}

    @property
    def first_pages(self) -> dict[str, int]:
        """Pages of the files of which the first alone was asked for and has a result."""
        if self.request.all_pages:
            return {}
        done = [target for target in self._chosen if self._is_done(target)]
        pages = {target.title: pages_in_image(target.ref.path) for target in done}
        return {name: number for name, number in pages.items() if number > 1}

    def prepare(self, route: Callable[[ModelSpec, Sequence[ImageRef]], ModelSpec]) -> None:
        """Find out what is left to do, now that the weights are there.

        Args:
            route: Gives the model its routes for the images that are left. Beside results that
                stay it keeps theirs.

        Raises:
            SegstudioError: if results would stay that were made with other settings.
        """
        self.pending = [t for t in self._chosen if self.request.overwrite or not self._is_done(t)]
        self._kept = self._has_others()
        if not self.request.exact:
            spec, noted = self.request.spec, read_entry(self.request.out, _SETTINGS)
            if self._kept and isinstance(noted, dict):
                spec = by_route_key(spec, str(noted.get("route", "")))
            elif self.pending and not self._kept:
                spec = route(spec, [target.ref for target in self.pending])
            self.request = replace(self.request, spec=spec)
        self._settings = self._compared_settings()

    def run(self, engine: Engine, job: Job) -> None:
        """Do what is pending; images that fail are told by `failed`, and the rest goes on.

        Raises:
            SegstudioError: if the model cannot be loaded, or its settings or its detections
                cannot be written.
            CancelledError: if the job was cancelled; what came so far is there.
        """
        if not self.pending:
            return
        request = self.request
        # one that cannot be loaded leaves no folder behind
        engine.predictor(request.spec, request.options.device, job.check)
        make_folder(request.out)
        self._write_settings(*self._settings)
        store = PredictionStore(user_folders().data / "predictions")
        batch = self._batch = Batch(
            engine,
            request.spec,
            request.options,
            FolderFiles(self.project, store, MasksKnown(known=False)),
            request.spec.schema,
            [BatchImage(i, target.ref) for i, target in enumerate(self.pending)],
            again=True,
            keep=False,
            deliver=self._hand_over,
        )
        start = self._lists_written = time.perf_counter()
        try:
            # an image's files are written while the network works on the next one
            with ThreadPoolExecutor(1, thread_name_prefix="segstudio-results") as self._writer:
                try:
                    batch.work(job)
                finally:
                    self._await_written()
        finally:
            self.seconds = time.perf_counter() - start
            store.close()
            self._write_lists(WriteRoot(request.out))
        if not batch.failures and not self._kept:
            self._write_settings(self._settings[0], ())

    def _hand_over(self, result: BatchResult) -> None:
        """Have the files of an image written; one image waits for it at most."""
        assert self._writer is not None
        self._await_written()
        self._writing = (result.ref, self._writer.submit(self._take, result))

    def _await_written(self) -> None:
        if self._writing is None or self._batch is None:
            return
        ref, writing = self._writing
        try:
            writing.result()
        except SegstudioError as error:
            self._batch.failures.append((ref, without_traceback(error)))
        self._writing = None

    def _take(self, result: BatchResult) -> None:
        """Write an image's files; the class map last, since it marks the end.

        No link in the output folder is followed out of it.
        """
        target, prediction, request = self._by_ref[result.ref], result.raw, self.request
        root = WriteRoot(request.out)
        if target.instances is not None and prediction.instance_ids is not None:
            root.make_folder(target.instances.parent)
            scores = _shown_scores(prediction)
            data = encode_instance_png(prediction.instance_ids, self._software, scores=scores)
            root.write(target.instances, data)
        if self._coco is not None and prediction.instances is not None:
            found, threshold = prediction.instances, request.options.mask_threshold
            self._coco.put(target.name, target.ref.key, prediction.shape_hw, found, threshold)
        if self._panoptic is not None and target.panoptic is not None:
            pixels = self._panoptic.put(
                target.name, target.ref.key, prediction.labels, prediction.instance_ids
            )
            root.make_folder(target.panoptic.parent)
            root.write(target.panoptic, encode_rgb_png(pixels, self._software))
        if time.perf_counter() - self._lists_written > _LISTS_EVERY_S:
            self._write_lists(root)
        root.make_folder(target.labels.parent)
        data = encode_index_png(prediction.labels, request.spec.schema.palette(), self._software)
        root.write(target.labels, data)
        self.written += 1
        self.device = prediction.device
        if prediction.notes:
            self.notes[target.title] = list(prediction.notes)

    def _write_lists(self, root: WriteRoot) -> None:
        """Write the files that hold something of all images."""
        for found in (self._coco, self._panoptic):
            if found is not None:
                found.write(root)
        self._lists_written = time.perf_counter()

    # -- what is there already ---------------------------------------------------------------

    @property
    def _software(self) -> str:
        return f"{_SOFTWARE} {self.request.spec.id}"

    def _is_done(self, target: ResultFiles) -> bool:
        """Whether the results of this model are there; the class map is written last."""
        if self._coco is not None and target.name not in self._coco.entries:
            return False
        if target.panoptic is not None and not self._has_panoptic(target, target.panoptic):
            return False
        return png_texts(target.labels).get("Software") == self._software

    def _has_panoptic(self, target: ResultFiles, path: Path) -> bool:
        is_listed = self._panoptic is not None and target.name in self._panoptic.entries
        return is_listed and png_texts(path).get("Software") == self._software

    def _require_own(self) -> None:
        """Refuse to write where another's files are."""
        out = self.request.out
        in_the_way = next((p for p in (out, *out.parents) if p.exists()), out)
        if in_the_way.exists() and not in_the_way.is_dir():
            raise SegstudioError(f"{in_the_way} is a file.", "Give a folder for the results.")
        for target in self._chosen:
            if not target.labels.exists():
                continue
            writer = png_texts(target.labels).get("Software", "")
            if not writer.startswith(_SOFTWARE):
                raise SegstudioError(
                    f"{target.labels} is there already and was not written by segstudio predict.",
                    "Give another folder for the results.",
                )
            if writer != self._software and not self.request.overwrite:
                raise SegstudioError(
                    f"{out} holds results of {writer.removeprefix(_SOFTWARE).strip()}.",
                    "Give another folder for the results, or --overwrite.",
                )

    def _has_others(self) -> bool:
        """Whether the folder holds results that are not made again."""
        if not self.request.out.is_dir():
            return False
        again = {p for t in self.pending for p in (t.labels, t.instances, t.panoptic)}
        return any(
            path not in again and png_texts(path).get("Software", "").startswith(_SOFTWARE)
            for path in sorted(self.request.out.rglob("*.png"))
        )

    def _compared_settings(self) -> tuple[_Settings, tuple[_Settings, ...]]:
        """With what results are made, and the other settings of those that are there."""
        spec, options, out = self.request.spec, self.request.options, self.request.out
        own: _Settings = {
            "model": spec.id,
            "weights": ", ".join(_weights_text(part) for part in parts_of(spec)),
            "tile": options.tile_px,
        }
        if chosen := "; ".join(filter(None, map(_chosen_text, parts_of(spec)))):
            own["network"] = chosen
        if spec.finds_objects:
            own["score"] = options.score_threshold
        if route_key(spec):
            own["route"] = route_key(spec)
        noted, mixed = read_entry(out, _SETTINGS), read_entry(out, _MIXED)
        if self._kept and not isinstance(noted, dict):
            noted = _UNKNOWN
        found = [noted, *(mixed if isinstance(mixed, list) else [])]
        others = tuple(entry for entry in found if isinstance(entry, dict) and entry != own)
        if others and self._kept and not self.request.allow_mixed:
            raise SegstudioError(
                f"{out} holds results made with {_unlike(others[0], own)}; "
                f"these would be made with {_unlike(own, others[0])}.",
                "Give another folder or the same options; --overwrite makes them again, "
                "--allow-mixed adds to them.",
            )
        return own, others

    def _write_settings(self, own: _Settings, others: Sequence[_Settings]) -> None:
        """Write them beside the classes; results that other settings made are told of."""
        entries = {_SETTINGS: own, _MIXED: list(others) or None}
        write_schema(self.request.out, self.request.spec.schema, entries=entries)


def _images(project: Project, request: PredictionRequest) -> list[ImageRef]:
    """The images of the folder (or the one image given), without results that lie among them."""
    refs = list(project.images)
    out = request.out.resolve()
    if request.folder.is_file():
        refs = [refs[project.start]]
    elif out.is_relative_to(project.images_root.resolve()):
        refs = [ref for ref in refs if not ref.path.resolve().is_relative_to(out)] or refs
    return every_page(refs) if request.all_pages else refs


def _targets(refs: Sequence[ImageRef], request: PredictionRequest) -> list[ResultFiles]:
    """Where each image's results go: its stem, or its whole name if another image has its stem."""
    out, with_instances = request.out, request.spec.finds_objects
    with_panoptic = request.save_coco and request.spec.task == "panoptic"
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
        panoptic = out / PANOPTIC_NAME / ref.folder / name if with_panoptic else None
        target = ResultFiles(ref, title, place, out / ref.folder / name, instances, panoptic)
        targets.append(target)
    order = {ref: i for i, ref in enumerate(refs)}
    return sorted(targets, key=lambda t: order[t.ref])


def _shown_scores(prediction: Prediction) -> list[float]:
    """Scores of the instances 1, 2, ... up to the last one that is shown."""
    if prediction.instances is None or prediction.instance_ids is None:
        return []
    last = int(prediction.instance_ids.max(initial=0))
    scores: list[float] = prediction.instances.scores[:last].tolist()
    return scores


def _weights_text(spec: ModelSpec) -> str:
    """The SHA-256 of a model's weights; their name where they are not there."""
    path = find_weights(spec)
    if path is None:
        return "" if spec.weights is None else Path(spec.weights.filename).name
    try:
        return f"SHA-256 {content_digest(path)}"
    except OSError as error:
        raise SegstudioError(f"{path} cannot be read: {error.strerror or error}.") from error


def _chosen_text(spec: ModelSpec) -> str:
    """What was chosen for a file of the user's own, which it need not say itself; else ""."""
    if spec.weights is None or not Path(spec.weights.filename).is_absolute():
        return ""
    chosen = [settings_text(spec.options), settings_text(spec.preprocess)]
    return ", ".join([*chosen, spec.output.text] if spec.task == "semantic" else chosen)


def _unlike(settings: _Settings, others: _Settings) -> str:
    """The settings that others have not, as words."""
    if settings == _UNKNOWN:
        return f"settings that no {SCHEMA_NAME} there tells"
    names = [n for n in {**settings, **others} if settings.get(n) != others.get(n)]
    return ", ".join(f"{name} {settings.get(name, 'unknown')}" for name in names)
