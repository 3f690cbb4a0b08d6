"""Writing masks for other programs, and proving that they were written right."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.render import overlay_rgb
from segstudio.core.schema import LabelSchema
from segstudio.core.text import printable
from segstudio.folder.documents import Documents
from segstudio.folder.files import Draw, FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.batch import drawn_in
from segstudio.session.document import Document
from segstudio.session.session import ImageState, Session, ViewState
from segstudio.storage.atomic import make_folder
from segstudio.storage.decode import every_page, read_image
from segstudio.storage.formats.mask_format import (
    CLASSES_NAME,
    ExportFile,
    MaskContent,
    MaskFormat,
    MaskListing,
    write_classes,
    write_verified,
)
from segstudio.storage.image_ref import ImageRef, image_of
from segstudio.storage.layout import page_stem
from segstudio.storage.mask_files import exports
from segstudio.storage.masks import MASKS, annotation_folders
from segstudio.storage.state_lists import STATE_LISTS, ListedState
from segstudio.storage.write_root import WriteRoot

ANNOTATION, TRUTH = "annotation", "truth"


@dataclass(frozen=True)
class ExportPlan:
    """What to export.

    Attributes:
        images: "current" (the page that is open), or all pages of "all" images or of those at positions.
        what: "annotation" (where nothing is painted: the ground truth), "truth", or a run.
        how: Keys of the formats; more than one get a folder each.
        folder: Where the files go.
        states: Which lists of states and notes are written too (`STATE_LISTS`).
    """

    images: Literal["current", "all"] | Sequence[int]
    what: str
    how: frozenset[str]
    folder: Path
    states: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Replaced:
    """What an export would replace.

    Attributes:
        files: Files of images that are there already.
        lists: Lists of classes that are.
        states: Lists of states that are.
    """

    files: int = 0
    lists: int = 0
    states: int = 0

    def __bool__(self) -> bool:
        return bool(self.files or self.lists or self.states)


@dataclass
class ExportReport:
    """What an export did.

    Attributes:
        files: Masks written; every one was read again and was the same bit for bit.
        lists: Lists of classes written beside them, one a folder.
        states: Lists of states and notes that were written.
        pixels_by_class: Pixels of each class id in the exported label maps.
        skipped: Name of an image, and why it was left out.
        seconds: Wall-clock time.
        images: How many images gave at least one file.
        cancelled: Whether the user stopped it.
    """

    files: list[Path] = field(default_factory=list)
    lists: list[Path] = field(default_factory=list)
    states: list[Path] = field(default_factory=list)
    pixels_by_class: dict[int, int] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    images: int = 0
    cancelled: bool = False

    @property
    def verified(self) -> int:
        """Files that were read again and compared; all of them."""
        return len(self.files)


@dataclass(frozen=True)
class _Content:
    """What is exported of one image."""

    labels: Labels
    instances: InstanceIds | None
    pixels: Image | None


@dataclass(frozen=True)
class _Source:
    """Everything a job needs to find the content of an image, as it was when it was asked for."""

    files: FolderFiles
    schema: LabelSchema
    draw: Draw
    view: ViewState
    held: dict[ImageRef, _Content | None]
    states: Mapping[int, ImageState]

    def content(self, ref: ImageRef, what: str) -> _Content | None:
        """The maps of an image, None if it has none.

        Raises:
            SegstudioError: if a file cannot be read.
        """
        if ref in self.held:
            return self.held[ref]
        if what == ANNOTATION:
            found = self.files.reference(ref, self.schema, None)
        elif what == TRUTH:
            found = self.files.truth(ref, self.schema, None)
        else:
            prediction = self.files.prediction(ref, what, self.schema, self.draw)
            if prediction is None:
                return None
            return _Content(prediction.labels, prediction.instance_ids, None)
        return None if found is None else _Content(found.labels, found.instances, None)


class Exporting:
    """Exports in a job of the "transfer" lane."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._notices = notices
        self._documents = documents
        self._folder = folder

    def count_replaced(
        self,
        plan: ExportPlan,
        done: Callable[[Replaced], None],
        refused: Callable[[Exception], None],
    ) -> None:
        """Tell how many files a plan would replace, or why nothing of it can be written.

        Args:
            plan: The plan.
            done: Gets how many files of its names are there already, and lists of classes.
            refused: Gets the reason instead.
        """
        files = self._folder.files
        if files is None:
            done(Replaced())
            return
        indices, schema = self._indices(plan, files), self._session.schema
        forms = exports()

        def work(job: Job) -> Replaced:
            stems = _unique_stems(_refs(plan, files, indices, job)).values()
            kept = _kept_folders(files)
            masks = [
                _folder(plan, how) / name
                for stem in stems
                for how in plan.how
                for name in _names(forms[how], stem, schema)
            ]
            states = [plan.folder / name for name in plan.states]
            found = _present(masks, kept, job), _present(states, kept, job)
            refusals = [error for _, error in found if error is not None]
            if refusals and not any(n is not None for n, _ in found):
                raise refusals[0]
            lists = [_folder(plan, how) / CLASSES_NAME for how in plan.how]
            listings = (_listing(plan, how, schema) for how in plan.how)
            lists += [listing.path for listing in listings if listing is not None]
            _check_writable(plan.folder)
            return Replaced(found[0][0] or 0, sum(map(os.path.lexists, lists)), found[1][0] or 0)

        title = "Looking for files to be replaced"
        self._jobs.submit(
            title, "transfer", work, done, failed=refused, key="replaced", visible=False
        )

    def export(self, plan: ExportPlan, done: Callable[[ExportReport], None]) -> None:
        """Write the files of a plan; `done` gets the report, also of a cancelled export."""
        files = self._folder.files
        if files is None:
            self._notices.info("Open a folder first.")
            return
        indices = self._indices(plan, files)
        source = _Source(
            files,
            self._session.schema,
            drawn_in(self._session),
            self._session.view,
            {d.ref: _held(d, plan.what) for d in self._documents if self._is_among(d, indices)},
            dict(self._session.states) if plan.states else {},
        )
        report = ExportReport()

        def work(job: Job) -> None:
            _export(job, plan, _refs(plan, files, indices, job), source, report)

        def ended() -> None:
            report.cancelled = job.cancelled
            done(report)

        job = self._jobs.submit(
            f"Exporting {counted(len(indices), 'image')}",
            "transfer",
            work,
            ended=ended,
        )

    def _indices(self, plan: ExportPlan, files: FolderFiles) -> Sequence[int]:
        if plan.images == "all":
            return range(len(files.project.images))
        if plan.images == "current":
            return [self._session.index] if self._session.index >= 0 else []
        return [int(i) for i in plan.images]

    def _is_among(self, document: Document, indices: Sequence[int]) -> bool:
        index = self._session.index_of(document)
        return index is not None and (index in indices or image_of(index) in indices)


def _refs(plan: ExportPlan, files: FolderFiles, indices: Sequence[int], job: Job) -> list[ImageRef]:
    """What is exported, page by page; the files are looked into."""
    refs = [files.project.images[i] for i in indices]
    return refs if plan.images == "current" else every_page(refs, job.check)


def _held(document: Document, what: str) -> _Content | None:
    """The maps of a held document as they are now; annotations are copied."""
    if what == ANNOTATION:
        if not document.has_reference:
            return None
        ids = document.annotation.instances
        return _Content(
            np.array(document.annotation.labels),
            None if ids is None else np.array(ids),
            document.pixels,
        )
    if what == TRUTH:
        truth = document.truth
        if truth is None:
            return None
        return _Content(truth.labels, truth.instances, document.pixels)
    found = document.predictions.get(what)
    if found is None:
        return None
    return _Content(found.labels, found.instance_ids, document.pixels)


def _export(
    job: Job, plan: ExportPlan, refs: list[ImageRef], source: _Source, report: ExportReport
) -> None:
    started = time.monotonic()
    pixels = Counter[int]()
    names = _unique_stems(refs)
    kept = _kept_folders(source.files)
    listings = {how: made for how in plan.how if (made := _listing(plan, how, source.schema))}
    _write_states(plan, refs, source, kept, report)
    for number, ref in enumerate(refs if plan.how else ()):
        job.report(number, len(refs), ref.title)
        if plan.what in (ANNOTATION, TRUTH):
            source.files.masks.wait(job.check)
        try:
            content = source.content(ref, plan.what)
            if content is None:
                report.skipped.append((ref.title, _nothing(plan.what)))
                continue
            written = _write(job, plan, ref, names[ref], content, source, kept, report, listings)
        except SegstudioError as error:
            report.skipped.append((ref.title, str(error)))
            continue
        if written:
            report.images += 1
            pixels.update(_count(content.labels))
        report.pixels_by_class = dict(sorted(pixels.items()))
        report.seconds = time.monotonic() - started
    if report.files:
        _write_lists(plan, source, listings, report)
    report.seconds = time.monotonic() - started


def _write_states(
    plan: ExportPlan,
    refs: list[ImageRef],
    source: _Source,
    kept: dict[str, str],
    report: ExportReport,
) -> None:
    """Write the lists of states and notes, before the masks, which can take long."""
    if not plan.states:
        return
    rows, project = [], source.files.project
    for ref in refs:
        place = project.index_of(ref.path, ref.page)
        state = source.states.get(-1 if place is None else place, ImageState())
        rows.append(ListedState(printable(ref.name), ref.page + 1, state.work.value, state.note))
    for name in sorted(plan.states):
        path = plan.folder / name
        try:
            _keep_sources(path, kept)
            root = _root(plan, source)
            root.make_folder(plan.folder)
            root.write(path, STATE_LISTS[name](rows))
            report.states.append(path)
        except SegstudioError as error:
            report.skipped.append((name, str(error)))


def _write_lists(
    plan: ExportPlan, source: _Source, listings: dict[str, MaskListing], report: ExportReport
) -> None:
    """Write what explains the masks: the classes, and segments where a form has them."""
    forms, root = exports(), _root(plan, source)
    for listing in listings.values():
        listing.write(root)
        report.lists.append(listing.path)
    for how in plan.how:
        report.lists.append(write_classes(_folder(plan, how), source.schema, forms[how], root))


def _write(
    job: Job,
    plan: ExportPlan,
    ref: ImageRef,
    stem: str,
    content: _Content,
    source: _Source,
    kept: dict[str, str],
    report: ExportReport,
    listings: dict[str, MaskListing],
) -> bool:
    """Write all forms of one image; whether any file came of it."""
    before, forms = len(report.files), exports()
    for how in sorted(plan.how):
        job.check()
        if forms[how].holds == "instances" and content.instances is None:
            report.skipped.append((ref.title, "it has no instance ids"))
            continue
        try:
            for file in _files(forms[how], ref, stem, content, source):
                folder, root = _folder(plan, how), _root(plan, source)
                _keep_sources(folder / file.name, kept)
                report.files.append(write_verified(folder, file, root))
                if how in listings:
                    found = content.labels, content.instances
                    listings[how].put(file.name, ref.key, *found)
        except SegstudioError as error:
            report.skipped.append((f"{ref.title} ({how})", str(error)))
    return len(report.files) > before


def _kept_folders(files: FolderFiles) -> dict[str, str]:
    """What must not be written between, by the real path of its folder."""
    project, truth = files.project, files.project.truth
    masks: set[Path] = set()
    for ref in project.images:
        for folder in (MASKS, files.annotations.corrections):
            masks.update(annotation_folders(project.root, ref, folder))
        if truth is not None:
            read = (truth.class_path(ref), truth.instance_path(ref))
            masks.update(path.parent for path in read if path is not None)
    kept = {os.path.realpath(folder): "the masks that are read" for folder in masks}
    images = {ref.path.parent for ref in project.images}
    return kept | {os.path.realpath(folder): "the images" for folder in images}


def _keep_sources(path: Path, kept: dict[str, str]) -> None:
    """Refuse to replace what the folder is made of, and to add what would be taken for a part."""
    what = kept.get(os.path.realpath(path.parent))
    if what is not None:
        raise SegstudioError(f"{path.parent} holds {what}.", "Export to another folder.")


def _present(
    paths: list[Path], kept: dict[str, str], job: Job
) -> tuple[int | None, SegstudioError | None]:
    """How many of some files are there already, None if none may be written; and why one may not."""
    found, refusal, may_be_written = 0, None, False
    for path in paths:
        job.check()
        try:
            _keep_sources(path, kept)
        except SegstudioError as error:
            refusal = error
        else:
            may_be_written = True
            found += os.path.lexists(path)
    return (found if may_be_written else None), refusal


def _check_writable(folder: Path) -> None:
    """Refuse a folder in which no file can be made, or which cannot be made itself."""
    there = next((p for p in (folder, *folder.parents) if os.path.lexists(p)), folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        why = f"Nothing can be written to {folder} ({error.strerror or error})."
        if not there.is_dir():
            why = f"{there} is a file, not a folder."
        raise SegstudioError(why, "Export to another folder.") from error


def _names(form: MaskFormat, stem: str, schema: LabelSchema) -> list[str]:
    return form.names(stem, form, schema)


def _files(
    form: MaskFormat, ref: ImageRef, stem: str, content: _Content, source: _Source
) -> list[ExportFile]:
    labels, schema, view = content.labels, source.schema, source.view

    def picture() -> Image:
        pixels = content.pixels
        photo = pixels if pixels is not None else read_image(ref.path, ref.page).pixels
        return overlay_rgb(photo, labels, schema, view.opacity, view.style.value)

    assert form.write is not None
    return form.write(stem, MaskContent(labels, content.instances, schema, picture))


def _folder(plan: ExportPlan, how: str) -> Path:
    """A folder of its own for each of several forms, and for one with a file beside its folder."""
    alone = len(plan.how) == 1 and exports()[how].listing is None
    return plan.folder if alone else plan.folder / how


def _listing(plan: ExportPlan, how: str, schema: LabelSchema) -> MaskListing | None:
    make = exports()[how].listing
    return None if make is None else make(_folder(plan, how), schema)


def _root(plan: ExportPlan, source: _Source) -> WriteRoot:
    """The folder that an export does not leave: the data set's, or else the one chosen."""
    project = source.files.project
    if plan.folder.is_relative_to(project.root):
        return WriteRoot(project.root, project.identity, images=project.images_root)
    make_folder(plan.folder)
    return WriteRoot(plan.folder)


def _unique_stems(refs: list[ImageRef]) -> dict[ImageRef, str]:
    """File names without extension: the stem of the image or page, the whole name where stems clash.

    A later page gives way to an image that is called like it.
    """
    stems = {ref: str(PurePosixPath(ref.folder) / page_stem(ref.stem, ref.page)) for ref in refs}
    uses = Counter(stem.casefold() for stem in stems.values())
    images = Counter(stem.casefold() for ref, stem in stems.items() if not ref.page)
    return {
        ref: stem
        if 1 in (uses[stem.casefold()], not ref.page and images[stem.casefold()])
        else page_stem(ref.name, ref.page)
        for ref, stem in stems.items()
    }


def _count(labels: Labels) -> dict[int, int]:
    counts = np.bincount(labels.reshape(-1), minlength=256)
    return {int(i): int(counts[i]) for i in np.flatnonzero(counts)}


def _nothing(what: str) -> str:
    if what == ANNOTATION:
        return "it has no annotation and no ground truth"
    return "it has no ground truth" if what == TRUTH else "it was not predicted by this model"
