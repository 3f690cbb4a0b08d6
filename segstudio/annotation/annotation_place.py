"""Which files a folder's annotations go to: the ground truth's own, or `annotations/`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from segstudio.annotation.editing import Editing
from segstudio.core.errors import SegstudioError, without_traceback
from segstudio.core.formatting import counted
from segstudio.core.json_text import read_json_or
from segstudio.core.labels import LabelMap
from segstudio.core.text import utf8_json
from segstudio.folder.documents import Documents
from segstudio.folder.files import FolderFiles, OpenFolder
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.session.document import Document
from segstudio.session.session import Change, Layer, Saving, Session, What
from segstudio.storage.annotations import AnnotationPath, Saved
from segstudio.storage.atomic import make_folder, write_atomically
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.originals import Version
from segstudio.storage.schema_file import holds_corrections
from segstudio.storage.write_root import agreed_links

_CHOICE = "saving.json"


class AnnotationPlace:
    """Keeps `session.saving` and `Document.place`; asks once a folder where corrections go.

    Until the user has chosen, what is painted is saved into the ground truth's own files, whose
    originals are kept; the choice of `annotations/` moves what was saved meanwhile.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        documents: Documents,
        folder: OpenFolder,
        editing: Editing,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._notices = notices
        self._documents = documents
        self._folder = folder
        self._editing = editing
        self._in_truth: set[ImageRef] = set()
        self._told: set[tuple[ImageRef, AnnotationPath]] = set()
        """Of which images it was said where they are saved instead."""
        self._root: Path | None = None
        self._choices = 0
        session.follow(What.PROJECT, self._on_project)
        session.follow(What.DOCUMENT, self._on_document)
        session.follow(What.LABELS, self._on_labels)

    # -- verbs -------------------------------------------------------------------------------

    def keep_in_truth(self) -> None:
        """Save corrections into the ground truth's own files, from now on unasked.

        What was saved to `annotations/` stays there, and is added to there.
        """
        if self._may_change():
            self._choose(elsewhere=False)

    def save_to_annotations(self) -> None:
        """Save corrections to `annotations/`; what was saved since the folder was opened moves.

        The ground truth's files are then again what another program wrote.
        """
        files = self._folder.files
        if files is None or not self._may_change():
            return
        self._editing.end_stroke()
        self._choose(elsewhere=True)
        refs = {*self._in_truth, *(document.ref for document in self._documents.dirty())}
        held = [document for document in self._documents if document.ref in refs]
        self._in_truth = set()

        def work(_job: Job) -> _Moved:
            found = _move(files, refs)
            for document in held:  # the next save may be at work before the result arrives
                document.seen = files.annotations.seen(document.ref)
            return found

        def done(found: _Moved) -> None:
            if files.project.root != self._root:
                return
            self._in_truth |= found.failed.keys()
            for document in self._documents:
                document.place = None
            self._find_place()
            self._tell_moved(found)

        self._jobs.submit("Moving corrections", "save", work, done, visible=False)

    def _may_change(self) -> bool:
        """Whether this window does more than look at the folder; tells why it does not."""
        if self._session.read_only:
            self._notices.info(self._session.read_only)
        return not self._session.read_only

    def _tell_moved(self, found: _Moved) -> None:
        where = f"Corrections are saved to {self._session.saving.folder}/"
        first = next(iter(found.failed.values()), None)
        if first is None:
            what = f" {counted(found.moved, 'image')} moved there." if found.moved else ""
            self._notices.info(f"{where}; the ground truth is as it was.{what}")
            return
        self._notices.warning(
            f"{where} from now on, but those of {counted(len(found.failed), 'image')} could not be moved "
            f"there. {first.message}",
            first.hint,
        )

    def question_again(self) -> None:
        """Let the user choose anew."""
        if self._session.project is not None:
            self._set(asked=True)

    def revert(self) -> None:
        """Make the open image's annotation what another program wrote last; can be undone."""
        self._editing.use_truth("Revert to original")

    def versions(self, done: Callable[[list[Version]], None]) -> None:
        """Give every version of the open image's masks that another program wrote."""
        files, document = self._folder.files, self._session.document
        if files is not None and document is not None:
            ref = document.ref
            self._jobs.submit(
                "Looking for versions",
                "save",
                lambda _job: files.annotations.versions(ref),
                done,
                visible=False,
            )

    def read_version(self, version: Version, done: Callable[[Document, LabelMap], None]) -> None:
        """Read a version of the open image's masks; nothing is called if another one is open."""
        files, document = self._folder.files, self._session.document
        if files is None or document is None:
            return
        schema = self._session.schema

        def arrived(found: LabelMap | None) -> None:
            if found is not None and document is self._session.document:
                done(document, found)

        self._jobs.submit(
            f"Reading {version.path.name}",
            "save",
            lambda _job: files.annotations.restored(
                document.ref, version, schema, document.shape_hw
            ),
            arrived,
        )

    def show_version(self, version: Version) -> None:
        """Show a version as a layer of the first view."""

        def done(document: Document, found: LabelMap) -> None:
            document.older = found
            self._session.set_view(layer=Layer.ORIGINAL, overlay_visible=True)
            self._session.notify(What.PREDICTIONS)  # another map is seen in that layer

        self.read_version(version, done)

    def restore(self, version: Version) -> None:
        """Make a version the open image's annotation; can be undone."""
        title = f"Restore version of {version.kept_at or 'the other program'}"

        def done(document: Document, found: LabelMap) -> None:
            what = f"the version in {self.shown(version.path)}"
            self._editing.restore(document, found, title, what)
            if self._session.view.layer is Layer.ORIGINAL:  # it may show another version
                self._session.set_view(layer=Layer.BOTH)

        self.read_version(version, done)

    # -- following -----------------------------------------------------------------------------

    def saved(self, document: Document, saved: Saved) -> None:
        """An annotation was saved."""
        document.place = saved.place
        if saved.files and not saved.place.folder:
            self._in_truth.add(document.ref)
        told = (document.ref, saved.place)
        if saved.why and document is self._session.document and told not in self._told:
            self._told.add(told)
            target = saved.place.files[0]
            self._notices.info(
                f"Edits of {document.ref.name} are saved to {self.shown(target)}: {saved.why}.",
                "The mask that was read is left as it is." if saved.left else "",
                scope="image",
            )

    def shown(self, path: Path) -> str:
        """A path as the user should read it: below the open folder where it is there."""
        project = self._session.project
        if project is not None and path.is_relative_to(project.root):
            return path.relative_to(project.root).as_posix()
        return str(path)

    def _on_document(self, change: Change) -> None:
        if What.PROJECT not in change.what:
            self._find_place()

    def _on_labels(self, change: Change) -> None:
        painted = change.document
        if change.patches and painted is not None:
            saving = self._session.saving
            if painted.truth is not None and not saving.chosen and not saving.asked:
                self._set(asked=True)

    def _on_project(self, _change: Change) -> None:
        """Another folder has another choice; the same one, looked at anew, keeps what is known."""
        project = self._session.project
        root = None if project is None else project.root
        if root != self._root:
            self._root, self._in_truth, self._told = root, set(), set()
            self._session.saving = Saving()
        self._read_choice()

    def _read_choice(self) -> None:
        files, choices = self._folder.files, self._choices
        if files is None:
            return

        def done(choice: Saving) -> None:
            # What the user chose since is newer than what was read.
            if files is self._folder.files and choices == self._choices:
                self._set(elsewhere=choice.elsewhere, chosen=choice.chosen, folder=choice.folder)
                self._find_place()

        self._jobs.submit(
            "Reading where annotations go",
            "save",
            lambda _job: _read(files),
            done,
            visible=False,
        )

    def _choose(self, *, elsewhere: bool) -> None:
        self._choices += 1
        self._set(elsewhere=elsewhere, chosen=True, asked=False)
        files = self._folder.files
        if files is None:
            return
        self._jobs.submit(
            "Keeping where annotations go",
            "save",
            lambda _job: _write(files, elsewhere=elsewhere),
            visible=False,
        )
        self._find_place(chosen=True)

    def _find_place(self, *, chosen: bool = False) -> None:
        """Find out where the open image's annotation goes.

        Args:
            chosen: Whether the user has just said where; then it is told if it goes elsewhere.
        """
        files, document = self._folder.files, self._session.document
        if files is None or document is None:
            return
        elsewhere = self._session.saving.elsewhere

        def done(place: AnnotationPath) -> None:
            document.place = place
            if chosen and place.folder and not elsewhere and document.truth is not None:
                self._notices.info(
                    f"The corrections of {document.ref.title} stay in "
                    f"{self.shown(place.files[0])}, where they were saved; those of other images "
                    "go into the ground truth.",
                    scope="image",
                )
            if document is self._session.document:
                self._session.notify(What.SAVED)

        self._jobs.submit(
            "Looking where the annotation goes",
            "save",
            lambda _job: files.annotations.target(
                document.ref, elsewhere=elsewhere, keeps_form=document.keeps_form
            ),
            done,
            key="place",
            visible=False,
        )

    def _set(self, **values: bool | str) -> None:
        saving = replace(self._session.saving, **values)  # type: ignore[arg-type]
        if saving != self._session.saving:
            self._session.saving = saving
            self._session.notify(What.SAVED)


@dataclass
class _Moved:
    """How many images' corrections were moved, and why others were not."""

    moved: int = 0
    failed: dict[ImageRef, SegstudioError] = field(default_factory=dict)


def _move(files: FolderFiles, refs: Iterable[ImageRef]) -> _Moved:
    """Move what was saved into the ground truth; images that cannot be moved are told."""
    found = _Moved()
    agreed = agreed_links(files.project.data_folder)
    for ref in refs:
        try:
            found.moved += files.annotations.move_to_corrections(ref, agreed) is not None
        except SegstudioError as error:
            found.failed[ref] = without_traceback(error)
    return found


def _read(files: FolderFiles) -> Saving:
    project, folder = files.project, files.annotations.corrections
    data = read_json_or(project.data_folder / _CHOICE, None)
    if isinstance(data, dict) and "elsewhere" in data:
        return Saving(elsewhere=bool(data["elsewhere"]), folder=folder, chosen=True)
    there = holds_corrections(project.root / folder)  # chosen on another machine
    return Saving(elsewhere=there, folder=folder, chosen=there)


def _write(files: FolderFiles, *, elsewhere: bool) -> None:
    folder = files.project.data_folder
    make_folder(folder)
    content = {"folder": str(files.project.root), "elsewhere": elsewhere}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / _CHOICE, utf8_json(text))
