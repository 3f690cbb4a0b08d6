"""The figures of objects as a table for other programs: of the open image, or of all images."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from segstudio.annotation.object_table import ObjectTable, brightness_of
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.labels import LabelMap
from segstudio.core.object_figures import Brightness, Looked, ObjectFigures, ScoredObjects
from segstudio.core.pixel_size import PixelSize, PixelSizes
from segstudio.core.prediction import Prediction
from segstudio.core.progress import Check
from segstudio.core.schema import LabelSchema
from segstudio.core.text import safe_cells
from segstudio.folder.documents import Documents
from segstudio.folder.files import Draw, FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.batch import drawn_in
from segstudio.session.document import Document
from segstudio.session.session import Session
from segstudio.storage.atomic import write_atomically
from segstudio.storage.decode import every_page, read_image
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.picture import Picture
from segstudio.storage.states import load_sources

HEADERS: Final = (
    "image", "id", "class_id", "class", "area_px", "area_um2", "mean_intensity", "score", "error",
    "x", "y", "width", "height",
)  # fmt: skip
"""The columns. Place and size are of the smallest rectangle around an object, in pixels."""


@dataclass
class _Tally:
    """What was written.

    Attributes:
        objects: How many objects.
        images: How many images have some.
        failed: Why images could not be read.
    """

    objects: int = 0
    images: int = 0
    failed: list[SegstudioError] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    """Everything that a job needs to find an image's objects, as it was when it was asked for."""

    files: FolderFiles
    schema: LabelSchema
    draw: Draw
    channel: int
    said: PixelSizes
    held: Mapping[ImageRef, Document]
    errors: Mapping[ImageRef, Mapping[int, str]]
    sources: Mapping[str, frozenset[str]]

    def found(self, ref: ImageRef, check: Check) -> tuple[ObjectFigures, PixelSize | None] | None:
        """The figures of an image's objects, and how large a pixel is; None without objects.

        Raises:
            SegstudioError: if a file cannot be read.
        """
        document = self.held.get(ref)
        if document is not None:
            annotation: LabelMap | None = document.annotation.snapshot()
            predictions = _taken(document)
        else:
            annotation = self.files.reference(ref, self.schema, None, check)
            predictions = self._kept(ref)
        if annotation is None or annotation.instances is None:
            return None
        scored = tuple(
            ScoredObjects(p.instance_ids, p.instances)
            for p in predictions
            if p.instance_ids is not None and p.instances is not None
        )
        if document is None:
            picture = read_image(ref.path, ref.page, check).picture
            values, size = self._brightness(picture), self.said.of(ref.name, picture.pixel_size)
        else:
            values, size = brightness_of(document), document.pixel_size(self.said)
        looked = Looked(annotation.labels, annotation.instances, values, scored)
        return ObjectFigures.of(looked, check), size

    def _brightness(self, picture: Picture) -> Brightness:
        is_there = picture.has_choice and 0 <= self.channel < picture.raw.shape[2]
        return Brightness(picture.raw, (self.channel,) if is_there else picture.in_composite)

    def _kept(self, ref: ImageRef) -> list[Prediction]:
        """The predictions that the annotation of an image that is not open was taken from."""
        runs = self.sources.get(ref.key, frozenset())
        found = (self.files.prediction(ref, run, self.schema, self.draw) for run in sorted(runs))
        return [prediction for prediction in found if prediction is not None]


class ObjectCsv:
    """Writes the objects in a job of the "transfer" lane; a notice says where they are."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
        table: ObjectTable,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._documents, self._folder, self._table = documents, folder, table

    def default_name(self, *, every: bool) -> str:
        """A file name to suggest: "nuclei-objects.csv", or "cells_1-objects.csv"."""
        session = self._session
        name = "" if session.project is None else session.project.name
        if not every and session.document is not None:
            name = Path(session.document.ref.name).stem
        kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
        return f"{kept.strip('-.') or 'images'}-objects.csv"

    def save(self, path: Path, *, every: bool) -> Job | None:
        """Write the objects of the open image, or of every image and page of the folder.

        What was there before is only replaced by a complete file.
        """
        files, document = self._folder.files, self._session.document
        if files is None or (document is None and not every):
            return None
        source = self._source(files)
        refs = files.project.images if every else [document.ref] if document is not None else []
        tally = _Tally()

        def work(job: Job) -> None:
            pages = every_page(refs, job.check) if every else list(refs)
            known = replace(source, sources=load_sources(files.project.data_folder))
            write_atomically(
                path, lambda file: _write(file, known, pages, job, tally), durable=False
            )

        return self._jobs.submit(
            f"Writing {path.name}", "transfer", work, lambda _none: self._tell(path, tally)
        )

    def _source(self, files: FolderFiles) -> _Source:
        session, document = self._session, self._session.document
        held = {d.ref: d for d in self._documents.dirty()}
        errors = {}
        if document is not None:
            held[document.ref] = document
            errors[document.ref] = self._table.errors
        return _Source(
            files,
            session.schema,
            drawn_in(session),
            session.view.channel,
            session.view.pixel_sizes,
            held,
            errors,
            {},
        )

    def _tell(self, path: Path, tally: _Tally) -> None:
        images = counted(tally.images, "image")
        said = f"{path} holds {counted(tally.objects, 'object')} of {images}."
        if tally.failed:
            first, count = tally.failed[0], len(tally.failed)
            self._notices.warning(
                f"{said} {counted(count, 'image')} could not be read: {first.message}", first.hint
            )
        else:
            self._notices.info(said)


def _write(
    file: BinaryIO, source: _Source, pages: Sequence[ImageRef], job: Job, tally: _Tally
) -> None:
    text = io.TextIOWrapper(file, "utf-8", errors="surrogatepass", newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(HEADERS)
    for number, ref in enumerate(pages):
        job.report(number, len(pages), ref.title)
        try:
            found = source.found(ref, job.check)
        except SegstudioError as error:
            tally.failed.append(error)
            continue
        if found is None or not found[0].rows:
            continue
        figures, size = found
        tally.images += 1
        tally.objects += len(figures.rows)
        errors = source.errors.get(ref, {})
        lines.writerows(
            safe_cells(cells) for cells in _cells(ref, figures, size, source.schema.name_of, errors)
        )
    text.flush()
    text.detach()


def _cells(
    ref: ImageRef,
    figures: ObjectFigures,
    size: PixelSize | None,
    name_of: Callable[[int], str],
    errors: Mapping[int, str],
) -> Iterator[list[Any]]:
    square = math.nan if size is None else size.across * size.down
    for row in figures.rows:
        yield [
            ref.title,
            row.id,
            row.class_id,
            name_of(row.class_id),
            row.area,
            _number(row.area * square),
            _number(row.mean),
            _number(row.score),
            errors.get(row.id, ""),
            row.rect.left,
            row.rect.top,
            row.rect.width,
            row.rect.height,
        ]


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _taken(document: Document) -> list[Prediction]:
    taken = document.runs_taken
    return [found for run, found in document.predictions.items() if run in taken]
