"""Running one model on some images: the work of a job, image by image."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from segstudio.core.class_mapping import adapt, is_scored
from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.formatting import counted
from segstudio.core.labels import Image
from segstudio.core.prediction import (
    OTHER_CHANNELS,
    ModelSpec,
    Prediction,
    RunOptions,
    Variant,
    channels_text,
    described,
    effective_options,
    parts_of,
    route_key,
    stored_channels,
    with_thresholds,
)
from segstudio.core.schema import LabelSchema
from segstudio.folder.files import Draw, FolderFiles
from segstudio.jobs import Job
from segstudio.metrics.tally import ModelCount
from segstudio.resources import resource_path
from segstudio.runs.engine import Engine, Predictor, loaded
from segstudio.session.session import Session
from segstudio.storage.decode import pages_in_image
from segstudio.storage.image_ref import ImageRef, place_of

_DEFAULTS = RunOptions()
_DIGITS = 16
"""Of a SHA-256: enough to tell files apart."""
_ANSWERING = ("input_scale", "flips", "scales")


def run_key(spec: ModelSpec, options: RunOptions) -> str:
    """Name of a run: the model's id, the state of its weights, options that are not usual, routes.

    Thresholds and the device do not belong to it: they change nothing in what is stored. Weights
    may change under the same name (trained further, or shipped anew), so the time of the file
    belongs to it, unless its digest is known, as that of published weights is. What the file does
    not say itself belongs to it too: how the network is built, what goes in and what comes out.
    """
    parts = [spec.id, *(stamp for part in parts_of(spec) if (stamp := _stamp_of(part)))]
    in_force = effective_options(spec, options)
    tiles = (in_force.tile_px, in_force.overlap_px)
    if tiles != (_DEFAULTS.tile_px, _DEFAULTS.overlap_px):
        parts.append(f"{in_force.tile_px}-{in_force.overlap_px}")
    # A variant's own options are in its id.
    own = spec.made_of.overrides if isinstance(spec.made_of, Variant) else {}
    for name in _ANSWERING:
        value = getattr(options, name)
        if name not in own and value != getattr(_DEFAULTS, name):
            parts.append(f"{name}-{value}")
    parts += filter(None, [route_key(spec)])
    return "@".join(parts)


def _stamp_of(spec: ModelSpec) -> str:
    """Changes when the model's weights do, or what is done with them; "" if its id says enough."""
    weights = spec.weights
    if weights is None:
        return ""
    path = Path(weights.filename)
    if spec.embedded:  # such a file describes itself
        return _time_of(resource_path("models", weights.filename))
    state = weights.sha256
    if path.is_absolute():
        state = state[:_DIGITS] or _time_of(path)
    if not state:
        return ""
    # the names of a file of the user's own stand in its predictions, and may be said anew
    names = spec.schema.names if spec.own_file else ()
    done = json.dumps([described(spec), *names], sort_keys=True, default=str)
    digest = hashlib.blake2b(done.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{state}-{digest}"


def _time_of(path: Path) -> str:
    try:
        return f"{path.stat().st_mtime_ns:x}"
    except OSError:
        return ""


def model_of(run: str) -> str:
    """The model's id in a run's name."""
    return run.partition("@")[0]


def drawn_in(session: Session) -> Draw:
    """What draws predictions at the thresholds in force now; may be called on any thread."""
    models, options = dict(session.models), session.model.options

    def at(prediction: Prediction) -> Prediction:
        spec = models.get(model_of(prediction.run))
        own = options if spec is None else effective_options(spec, options)
        return with_thresholds(prediction, own.score_threshold, own.mask_threshold)

    return at


def same_thresholds(a: RunOptions, b: RunOptions) -> bool:
    """Whether instances are drawn alike."""
    return (a.score_threshold, a.mask_threshold) == (b.score_threshold, b.mask_threshold)


@dataclass(frozen=True)
class BatchImage:
    """One image to do; what the model gets of it and its file's digest if they are in memory.

    One that is in memory is counted there, against what is painted.
    """

    index: int
    ref: ImageRef
    pixels: Image | None = None
    digest: str = ""


@dataclass(frozen=True)
class BatchResult:
    """What came of one image.

    Attributes:
        ref: The image.
        raw: The prediction in the model's own classes, at the batch's thresholds.
        found: Its counts against the image's files, None if there is no reference.
        schema: The classes it was counted in.
        in_memory: Whether the image was in memory, so that nothing was counted here.
    """

    ref: ImageRef
    raw: Prediction
    found: ModelCount | None
    schema: LabelSchema
    in_memory: bool


class Batch:
    """A model, its options, and the images that are left to do.

    Attributes:
        spec: The model.
        options: How it runs.
        run: Name of the run.
        files: The folder of the images.
        schema: The folder's classes; replaced by the owning thread when they change.
        images: All images asked for, with their later pages as these are found.
        waiting: Indices of those without a result yet; the owning thread takes out what arrived.
        done: How many have been tried.
        failures: Every image that failed, and why.
        unsaved: Why predictions could not be stored, one entry an image.
        job: What it runs as; None until it is submitted.
    """

    def __init__(
        self,
        engine: Engine,
        spec: ModelSpec,
        options: RunOptions,
        files: FolderFiles,
        schema: LabelSchema,
        images: list[BatchImage],
        *,
        again: bool,
        every_page: bool = False,
        keep: bool = True,
        replaces: str = "",
        deliver: Callable[[BatchResult], None],
    ) -> None:
        """Args (besides the attributes):
        engine: Gives the loaded model.
        again: Run also where a stored prediction would do.
        every_page: Run on all pages of the images, behind the first.
        keep: Take answers that are on disk, and put new ones there.
        replaces: Name of the run in whose place this one comes, "" for none.
        deliver: Gets every result at once, on the job's thread; an error that it raises is the
            image's.
        """
        self.spec = spec
        self.options = options
        self.run = run_key(spec, options)
        self.replaces = replaces
        self.files = files
        self.schema = schema
        # The pixels are held until the image is done, and no longer.
        self.images = [replace(image, pixels=None) for image in images]
        self.waiting = {image.index for image in images}
        self.done = 0
        self.failures: list[tuple[ImageRef, SegstudioError]] = []
        self.unsaved: list[SegstudioError] = []
        self.job: Job | None = None
        self._engine = engine
        self._deliver = deliver
        self._again = {image.index for image in images} if again else set()
        self._left = list(reversed(images))
        self._every_page, self._keep = every_page, keep
        self._lock = threading.Lock()
        self._predictor: Predictor | None = None
        self._reader: ThreadPoolExecutor | None = None
        self._ahead: tuple[ImageRef, Future[tuple[Image, str]]] | None = None

    @property
    def title(self) -> str:
        """For the status bar."""
        if len(self.images) == 1:
            return f"{self.spec.title} on {self.images[0].ref.title}"
        return f"{self.spec.title} on {len(self.images)} images"

    def hurry(self, index: int) -> bool:
        """Do this image next, even if it is predicted already; False if it is not waiting."""
        with self._lock:
            waiting = next((image for image in self._left if image.index == index), None)
            if waiting is None:
                return False
            self._left.remove(waiting)
            self._left.append(waiting)
            self._again.add(index)
            return True

    def work(self, job: Job) -> None:
        """Do all images; one that cannot be read or predicted is noted and passed over.

        Raises:
            SegstudioError: if the model itself cannot be loaded.
        """
        # the next image is read while the network works on this one
        with ThreadPoolExecutor(1, thread_name_prefix="segstudio-ahead") as self._reader:
            try:
                self._work(job)
            finally:
                self._reader.shutdown(wait=True, cancel_futures=True)
                self._ahead = None

    def _work(self, job: Job) -> None:
        while (image := self._next()) is not None:
            self._add_pages(image)
            job.report(self.done, len(self.images), image.ref.title)
            stored = self._stored(image)
            if stored is None and self._predictor is None:
                self._predictor = loaded(self._engine, self.spec, self.options.device, job)
            try:
                self._deliver(self._result(job, image, stored))
            except SegstudioError as error:
                self.failures.append((image.ref, without_traceback(error)))
                self.waiting.discard(image.index)
            self.done += 1

    def _next(self) -> BatchImage | None:
        with self._lock:
            return self._left.pop() if self._left else None

    def _add_pages(self, image: BatchImage) -> None:
        """Have the later pages of an image done behind its first."""
        ref = image.ref
        if not self._every_page or ref.page:
            return
        later = [
            BatchImage(place_of(image.index, page), ref.at_page(page))
            for page in range(1, pages_in_image(ref.path))
        ]
        self.images += later
        self.waiting |= {each.index for each in later}
        with self._lock:
            self._left += reversed(later)

    def _stored(self, image: BatchImage) -> Prediction | None:
        if image.index in self._again or not self._keep:
            return None
        return self.files.predictions.load(image.ref.path, self.run, image.ref.page)

    def _result(self, job: Job, image: BatchImage, stored: Prediction | None) -> BatchResult:
        options = self.options
        if stored is None:
            raw = self._predict(job, image)
        else:
            raw = with_thresholds(stored, options.score_threshold, options.mask_threshold)
        schema, in_memory = self.schema, image.pixels is not None
        found = None if in_memory else self._counted(image.ref, raw, schema)
        return BatchResult(image.ref, raw, found, schema, in_memory)

    def _counted(self, ref: ImageRef, raw: Prediction, schema: LabelSchema) -> ModelCount | None:
        # else it is counted once it is decided what the masks or the model's classes mean
        if not self.files.masks.known or not is_scored(raw.schema, schema):
            return None
        return self.files.counted(ref, adapt(raw, schema), self.run, schema)

    def _pixels(self, job: Job, image: BatchImage) -> tuple[Image, str]:
        """An image's pixels and digest; the next one's are begun to be read."""
        if image.pixels is not None:
            found = image.pixels, image.digest
        elif self._ahead is not None and self._ahead[0] == image.ref:
            found = self._ahead[1].result()
        else:
            found = self._read(image.ref, job.check)
        self._ahead = None
        with self._lock:
            following = self._left[-1] if self._left else None
        if following is not None and following.pixels is None and self._reader is not None:
            read = self._reader.submit(self._read, following.ref, job.check)
            self._ahead = (following.ref, read)
        return found

    def _read(self, ref: ImageRef, check: Callable[[], None]) -> tuple[Image, str]:
        image, digest = self.files.image(ref, check)
        return image.given_to(self.spec), digest

    def _check_channels(self, ref: ImageRef, pixels: Image) -> None:
        wanted, there = stored_channels(self.spec), pixels.shape[2]
        if max(wanted, default=0) > there:
            raise SegstudioError(
                f"{ref.title} has {counted(there, 'channel')}, but {self.spec.title} reads "
                f"{channels_text(wanted)}.",
                OTHER_CHANNELS,
            )

    def _predict(self, job: Job, image: BatchImage) -> Prediction:
        assert self._predictor is not None
        pixels, digest = self._pixels(job, image)
        self._check_channels(image.ref, pixels)

        def report(step: int, steps: int = 0, text: str = "") -> None:
            if len(self.images) == 1:
                job.report(step, steps, text)
            else:
                part = f" ({step} of {steps})" if steps > 1 else ""
                job.report(self.done, len(self.images), f"{image.ref.title}{part}")

        answer = self._predictor.predict(pixels, self.options, job.check, report)
        prediction = replace(answer, run=self.run)
        if not self._keep:
            return prediction
        try:
            self.files.predictions.save(image.ref.path, prediction, image.ref.page, digest=digest)
        except SegstudioError as error:
            self.unsaved.append(without_traceback(error))
        return prediction
