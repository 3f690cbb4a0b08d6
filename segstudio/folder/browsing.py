"""Opening folders and going from image to image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from segstudio.clock import Cancel, Clock
from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.text import printable
from segstudio.folder.channel_showing import ChannelShowing
from segstudio.folder.documents import Documents
from segstudio.folder.files import (
    FolderFiles,
    LoadedDocument,
    MasksOfImage,
    OpenFolder,
    Positions,
    files_of,
    opened_at,
    place_now,
    positions_now,
)
from segstudio.folder.folder_claim import FolderClaim
from segstudio.folder.folder_states import FolderStates
from segstudio.folder.last_place import view_at_opening
from segstudio.folder.loader import ImageWish, Loader
from segstudio.folder.mask_reading import MaskReading
from segstudio.folder.recent import RecentFolders
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.folder.step_order import StepOrder
from segstudio.folder.thumbnail_jobs import GiveThumbnail, Thumbnails
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notice, Notices
from segstudio.preferences import Preferences
from segstudio.session.document import Document
from segstudio.session.session import LIMITS_OF_A_FOLDER, SchemaOrigin, Session, Unreadable, What
from segstudio.storage.image_ref import ImageRef, image_of, page_of, place_of
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.predictions import PredictionStore
from segstudio.storage.project import Project, preview_of_masks
from segstudio.storage.samples import assemble_lessons, assemble_samples
from segstudio.storage.seen_files import SeenFiles
from segstudio.storage.states import Mark, save_chosen_masks

_OPENING = "opening"
"""What notices of a folder that cannot be opened are about: they go when another one is open."""
_TRUTH = "where truth lies"
"""Likewise of masks that were chosen."""
_GREY_S = 0.1
"""So long an image may be read before the one before it turns grey: most are there sooner."""


class Browsing:
    """The folder, its list of images, and which of them is open."""

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        notices: Notices,
        preferences: Preferences,
        documents: Documents,
        folder: OpenFolder,
        schema: SchemaKeeper,
        states: FolderStates,
        thumbnails: Thumbnails,
        predictions: PredictionStore,
        claim: FolderClaim,
        recent: RecentFolders,
        *,
        leave: Callable[[Document], bool],
        shown: Callable[[Document], None],
        use_as_edit: Callable[[Document, LabelMap], None],
    ) -> None:
        """Args (besides the objects it works on):
        leave: Called before another image is shown; False keeps the present one open.
        shown: Called after a document was put on the screen.
        use_as_edit: Makes a document's annotation another one, as an edit that can be undone.
        """
        self._session = session
        self._jobs = jobs
        self._clock = clock
        self._notices = notices
        self._preferences = preferences
        self._documents = documents
        self._folder = folder
        self._schema = schema
        self._states = states
        self._thumbnails = thumbnails
        self._predictions = predictions
        self._claim = claim
        self._recent = recent
        self._leave = leave
        self._shown = shown
        self._use_as_edit = use_as_edit
        self.masks = MaskReading(
            session,
            jobs,
            notices,
            preferences,
            folder,
            schema,
            use=lambda project: self._use_project(project, None),
            known=states.count_missing,
        )
        """What the values of the folder's masks mean."""
        self._channels = ChannelShowing(session, jobs, documents)
        self._loader = Loader(jobs, documents, folder, ready=self._ready, failed=self._broken)
        self._cursor = -1
        self._stop_grey: Cancel | None = None
        self._is_grey = False
        self._pages = (-1, 1)
        """The image that was shown last, and how many pages it has."""
        self._order = StepOrder()
        self._wish: ImageWish | None = None
        self._opening: Job | None = None
        self._stale: set[ImageRef] = set()
        self.instead: Callable[[Exception], bool] = lambda _error: False
        """Does something else with what cannot be opened as images; returns whether it does."""

    # -- folders -----------------------------------------------------------------------------

    def open_path(self, path: Path | str, masks: ChosenMasks | None = None) -> None:
        """Open a folder, or the folder of an image at that image.

        Args:
            path: The folder or the image.
            masks: Its masks, which are remembered; else those chosen for the folder before, or
                those that are found.
        """
        self._give_up_wish()
        self._open_at(Path(path), masks)

    def _open_at(self, target: Path, masks: ChosenMasks | None = None) -> None:
        home = self._preferences.home
        self._open(f"Opening {target.name or target}", lambda _job: opened_at(target, home, masks))

    def open_samples(self) -> None:
        """Open the images that ship with segstudio (a copy that can be painted on)."""
        self._open_copied("Opening the samples", assemble_samples)

    def open_lessons(self) -> None:
        """Open the images that the lesson networks were made for, a copy likewise."""
        self._open_copied("Opening the lessons' samples", assemble_lessons)

    def _open_copied(self, title: str, assemble: Callable[[Path], Path]) -> None:
        self._give_up_wish()
        data, home = self._preferences.folders.data, self._preferences.home
        self._open(title, lambda _job: opened_at(assemble(data), home))

    def _open(self, title: str, work: Callable[[Job], Project]) -> None:
        def failed(error: Exception) -> None:
            if not self.instead(error):
                self._notices.failure(title, error, about=_OPENING, scope="program")
            self._give_up_wish()

        def ended() -> None:
            if job.cancelled and self._wish is wish:
                self._give_up_wish()
            if job is self._opening and self._session.project is None:
                self._session.notify(What.PROJECT)  # who waits for a folder hears that none came

        wish = self._wish
        job = self._opening = self._jobs.submit(
            title, "files", work, self._opened, failed=failed, ended=ended, key="open", front=True
        )

    def rescan(self) -> None:
        """Look for new and removed images and masks; what is open stays open."""
        if (project := self._session.project) is None:
            return
        root, home = project.root, self._preferences.home

        def work(_job: Job) -> tuple[Project, Positions | None]:
            found = opened_at(root, home, project.masks)
            return found, positions_now(project, found)

        def done(result: tuple[Project, Positions | None]) -> None:
            if project is not self._session.project:
                return
            found, moved = result
            self._use_project(found, moved)
            new = len(found.images) - len(project.images)
            text = "no change" if new == 0 else f"{abs(new)} {'more' if new > 0 else 'fewer'}"
            self._notices.info(f"{len(found.images)} images in {found.name} ({text}).")

        self._jobs.submit("Scanning the folder", "files", work, done, key="open")

    def take_from_disk(self, document: Document, done: Callable[[SeenFiles | None], None]) -> None:
        """Make an image's annotation what is on disk now, as one edit that can be undone.

        The folder is looked at again first: who wrote a mask decides how it is read.

        Args:
            document: The image.
            done: Gets what the files held when they were read; None if they cannot be used.
        """
        project, schema = self._session.project, self._session.schema
        if project is None or document.ref.root != str(project.images_root):
            self._notices.warning(
                f"{document.ref.name} is of a folder that is not open.", "Open its folder first."
            )
            done(None)
            return
        root, home, predictions = project.root, self._preferences.home, self._predictions

        def work(_job: Job) -> tuple[Project, Positions | None, LoadedDocument]:
            found = opened_at(root, home, project.masks)
            loaded = FolderFiles(found, predictions).load_document(document.ref, schema)
            return found, positions_now(project, found), loaded

        def take(result: tuple[Project, Positions | None, LoadedDocument]) -> None:
            found, moved, loaded = result
            if loaded.problems:
                failed(loaded.problems[0])
                return
            if project is self._session.project:
                self._use_project(found, moved)
            theirs = loaded.document
            document.truth, document.keeps_form = theirs.truth, theirs.keeps_form
            self._use_as_edit(document, theirs.annotation)
            done(theirs.seen)

        def failed(error: Exception) -> None:
            self._notices.failure(f"Reading {document.ref.name}", error)
            done(None)

        self._jobs.submit(
            f"Reading {document.ref.name}", "files", work, take, failed=failed, front=True
        )

    def choose_masks(self, masks: ChosenMasks) -> None:
        """Use the masks that a person chose as ground truth; what they are is no image any more.

        Args:
            masks: Remembered for the folder; none chosen for those that lie beside the images.
        """
        project, home = self._session.project, self._preferences.home
        if project is None:
            return
        root = project.root

        def work(_job: Job) -> tuple[Project, Positions | None]:
            found = opened_at(root, home, masks)
            if found.unused:
                raise SegstudioError(found.unused)
            return found, positions_now(project, found)

        def done(result: tuple[Project, Positions | None]) -> None:
            if project is self._session.project:
                self._notices.settle(_TRUTH)
                self._notices.info(_where_truth_lies(result[0]), about=_TRUTH)
                self._use_project(*result)  # what it asks about the masks is read first
                self._remember(result[0])

        self._jobs.submit("Reading the ground truth", "files", work, done, key="truth", front=True)

    def _remember(self, project: Project) -> None:
        """Keep which masks were chosen for a folder."""
        self._jobs.submit(
            "Keeping where the ground truth lies",
            "save",
            lambda _job: save_chosen_masks(project.data_folder, project.root, project.masks),
            visible=False,
        )

    def preview_masks(self, masks: ChosenMasks, done: Callable[[str], None]) -> None:
        """Look in the background at how many images have a mask of those that a person may choose.

        Args:
            masks: The masks.
            done: Gets one sentence: the number with an example, or what is wrong.
        """
        project = self._session.project
        if project is None:
            return
        self._jobs.submit(
            "Looking for masks",
            "files",
            lambda _job: preview_of_masks(project, masks),
            done,
            key="preview of masks",
            front=True,
            visible=False,
        )

    def _opened(self, project: Project) -> None:
        session = self._session
        wish, self._wish = self._wish, None
        if session.document is not None and not self._leave(session.document):
            if wish is not None:
                wish.instead()
            return
        self._recent.leave()
        self._loader.forget()
        self._stale.clear()
        self._stand()
        self._schema.take_over(project)
        self._folder.files = self._files_of(project)
        session.project, session.index, session.document = project, -1, None
        session.states = {}
        session.counts.clear()
        self._documents.release_clean()
        self._cursor, self._pages = -1, (-1, 1)
        self._order.use(None, -1)
        session.reopened = project.left_at if project.left_at.image else None
        session.set_view(**view_at_opening(session, project), **LIMITS_OF_A_FOLDER)
        session.notify(What.PROJECT | What.DOCUMENT | What.SCHEMA | What.STATES | What.SCORES)
        self._notices.settle(_OPENING)
        self._notices.enter_folder(project.root)
        for note in project.notes:
            unread = (project.passed_over, project.special, project.unread)
            serious = note in (*unread, project.unused, *project.damaged)
            about = _TRUTH if note == project.unused else ""
            (self._notices.warning if serious else self._notices.info)(note, about=about)
        if project.recalled:
            self._notices.info(
                f"Ground truth is read from {project.masks}, as chosen before.",
                action=("Look beside the images", lambda: self.choose_masks(ChosenMasks())),
                about=_TRUTH,
            )
        elif project.masks and not project.unused:
            self._remember(project)
        self._recent.enter(project)
        self._claim.take(project)
        self.select(project.start)
        if wish is not None:
            if wish.page:
                self.open_image(wish.path, wish.then, wish.page, wish.instead)
            else:
                self._when_shown(wish)
        self._states.read(self._folder.files)
        self.masks.look()

    def _files_of(self, project: Project) -> FolderFiles:
        return files_of(project, self._predictions, self._folder.files)

    def _use_project(self, project: Project, moved: Positions | None) -> None:
        """Put another look at the same folder in force.

        Args:
            project: The folder as it is now.
            moved: New position of each image by its old one; None if all stay.
        """
        session, document = self._session, self._session.document
        if moved is not None:
            session.states = {
                place: s for i, s in session.states.items() if (place := place_now(i, moved)) >= 0
            }
            session.index = place_now(session.index, moved)
            self._cursor = place_now(self._cursor, moved)
            self._pages = (place_now(self._pages[0], moved), self._pages[1])
        session.counts.clear()
        self._order.use(None, -1)
        classes = session.schema
        if session.schema_origin is not SchemaOrigin.DECLARED:
            self._schema.take_over(project)
        elif session.project is not None:
            project = replace(project, classes=session.project.classes)
        session.project = project
        self._folder.files = self._files_of(project)
        self._documents.release_clean(keep_history=True)
        if document is not None and session.index >= 0:
            self._documents.open = document
            self._documents.put(document)
        self._stale = {d.ref for d in self._documents}
        session.notify(What.PROJECT | What.STATES | What.SCORES)
        self._schema.announce(classes)
        if document is None or session.index < 0:
            self.select(self._cursor if self._cursor >= 0 else project.start)
        else:
            self._refresh_truth(document)
        self._states.read(self._folder.files)
        self.masks.look()

    # -- images ------------------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        """Position of the selected image; it is not open while it loads or if it is broken. The
        same for all its pages.
        """
        return image_of(self._cursor)

    @property
    def place(self) -> int:
        """The same with the page: `image_ref.PAGE_STEP`."""
        return self._cursor

    def select(self, index: int) -> None:
        """Show an image, or a page of it. The present one is left at once: nothing is done to it
        any more, though it stays on the screen for a moment, until the other one is read.
        """
        project = self._session.project
        if project is None or not 0 <= image_of(index) < len(project.images):
            return
        ref = project.images[index]
        document = self._session.document
        if document is not None and document.ref != ref and not self._leave(document):
            self._session.notify(What.DOCUMENT)
            return
        self._cursor = index
        self._notices.enter_image(ref.path)
        self._give_up_wish()
        self._loader.want(ref, self._session.schema, self._session.view)
        if self._loader.wanted is not None:
            self._wait_for(ref)

    def _wait_for(self, ref: ImageRef) -> None:
        """Have nothing open while an image is read; the screen is told after a moment."""
        session = self._session
        session.document, session.index = None, -1
        session.unreadable = None
        session.loading = ref.title
        self._documents.open = None
        if self._is_grey:
            session.notify(What.DOCUMENT)
        elif self._stop_grey is None:
            self._stop_grey = self._clock.call_later(_GREY_S, self._grey)

    def _grey(self) -> None:
        self._is_grey = True
        self._session.notify(What.DOCUMENT)

    def _stand(self) -> None:
        """Nothing is waited for any more."""
        stop, self._stop_grey, self._is_grey = self._stop_grey, None, False
        if stop is not None:
            stop()
        self._session.loading = ""
        self._session.unreadable = None

    @property
    def pages(self) -> int:
        """How many pages the selected image has, also while one of them is read; 1 if unknown."""
        image, pages = self._pages
        return pages if image >= 0 and image == image_of(self._cursor) else 1

    def select_page(self, page: int) -> None:
        """Show another page, from 0, of the selected image; of one that there is not the nearest."""
        image, pages = self._pages
        wanted = place_of(image, max(0, min(page, pages - 1)))
        if image >= 0 and image == image_of(self._cursor) and wanted != self._cursor:
            self.select(wanted)

    def step_page(self, by: int) -> None:
        """Show the next (+1) or previous (-1) page of the open image; stops at the ends."""
        self.select_page(page_of(self._cursor) + by)

    def show_channel(self, channel: int) -> None:
        """Show one channel of the images that have it, from 0, or `COMPOSITE` for all together."""
        self._session.set_view(channel=channel)

    def follow(self, images: Sequence[int]) -> None:
        """Step through these images, by position in the project, as the user has listed them."""
        self._order.use(images, self.cursor)

    def step(self, by: int) -> None:
        """Show the next (+1) or previous (-1) image of the list; stops at the ends."""
        self.select(next(self._onward(self.cursor, by), -1))

    def step_unreviewed(self, by: int) -> None:
        """Show the next (+1) or previous (-1) image that is not done."""
        for index in self._onward(self.cursor, by):
            if not self._session.state(index).reviewed:
                self.select(index)
                return
        self._notices.info("There is no image left that is not done in this direction.")

    def toggle_reviewed(self, by: object = None) -> None:
        """Mark the open image as done, or take the mark away; `by`: see `Change.by`."""
        self._states.toggle(Mark.REVIEWED, by)

    def toggle_flagged(self) -> None:
        """Flag the open image as one to come back to, or take the flag away."""
        self._states.toggle(Mark.FLAGGED)

    def open_image(
        self,
        path: Path,
        then: Callable[[Document], None],
        page: int = 0,
        instead: Callable[[], None] = lambda: None,
    ) -> None:
        """Show an image wherever it is (its folder is opened if need be), then call `then`.

        Args:
            path: The image.
            then: Gets its document.
            page: Which page of it, from 0.
            instead: Called if it cannot be shown, or another one is shown before.
        """
        wish = ImageWish(path, page, then, instead)
        project = self._session.project
        index = None if project is None else project.index_of(path, page)
        if index is None:
            self._give_up_wish()
            self._wish = wish
            self._open_at(path)
            return
        self.select(index)
        self._when_shown(wish)

    def _when_shown(self, wish: ImageWish) -> None:
        document, wanted = self._session.document, self._loader.wanted
        place = (wish.path, wish.page)
        if document is not None and (document.ref.path, document.ref.page) == place:
            wish.then(document)
        elif wanted is not None and (wanted.path, wanted.page) == place:
            self._wish = wish
        else:
            wish.instead()

    def _give_up_wish(self) -> None:
        wish, self._wish = self._wish, None
        if wish is not None:
            wish.instead()

    def _ready(self, document: Document, problems: list[SegstudioError]) -> None:
        """Put a document on the screen."""
        session = self._session
        self._stand()
        present = session.document
        if session.project is None or document is present:
            session.notify(What.DOCUMENT)
            self._grant_wish(document)
            return
        index = session.index_of(document)
        if index is None:  # the folder was read again meanwhile, and it is gone
            self._close(document.ref, f"{document.ref.title} is not in the folder any more.")
            return
        session.index = index
        session.document = self._documents.open = document
        self._pages = (image_of(index), document.pages)
        self._documents.put(document)
        session.notify(What.DOCUMENT | What.HISTORY | What.SCORES | What.SAVED)
        self._channels.show(document)
        self._tell_problems(document.ref, problems)
        if document.ref in self._stale:
            self._refresh_truth(document)
        self._shown(document)
        if document.ref.page and self._folder.files is not None:
            self._states.read_page(self._folder.files, session.index)
        self._loader.read_ahead(self._near(document), session.schema, session.view)
        self._grant_wish(document)

    def _tell_problems(self, ref: ImageRef, problems: Iterable[SegstudioError]) -> None:
        for problem in problems:
            self._notices.post(
                Notice(
                    "warning",
                    problem.message,
                    problem.hint,
                    about=_about_mask(ref),
                    scope="image",
                    image=ref.path,
                )
            )

    def _near(self, document: Document) -> list[ImageRef]:
        """What is likely to be asked for next: in a stack its other pages before other images."""
        session = self._session
        assert session.project is not None
        pages = document.pages
        page, ref = document.ref.page, document.ref
        turned = [ref.at_page(p) for p in (page + 1, page - 1) if 0 <= p < pages]
        near = (next(self._onward(image_of(session.index), by), -1) for by in (1, -1))
        return turned + [session.project.images[i] for i in near if i >= 0]

    def _onward(self, index: int, by: int) -> Iterator[int]:
        project = self._session.project
        return self._order.onward(index, by, len(project.images) if project is not None else 0)

    def _grant_wish(self, document: Document) -> None:
        wish, self._wish = self._wish, None
        if wish is not None:
            wish.then(document)

    def _broken(self, ref: ImageRef, error: Exception) -> None:
        """Nothing is open; the cursor stands on the image, so that the next step goes on."""
        self._stand()
        if ref.page and self._session.reopened is not None:  # its stack has fewer pages now
            self._session.reopened = None
            self.select(image_of(self._cursor))
        elif isinstance(error, SegstudioError):
            self._close(ref, error.message, error.hint)
        else:
            self._close(ref, f"{ref.title} cannot be read.")
            self._notices.failure(f"Reading {ref.title}", error, scope="image", image=ref.path)

    def _close(self, ref: ImageRef, message: str, hint: str = "") -> None:
        """Have nothing open, and say on the screen why."""
        session = self._session
        session.document = self._documents.open = None
        session.index = -1
        session.unreadable = Unreadable(ref.title, printable(message, lines=True), hint)
        session.notify(What.DOCUMENT | What.HISTORY | What.SCORES | What.SAVED)
        self._give_up_wish()

    def _refresh_truth(self, document: Document) -> None:
        """Read the ground truth of a held document again; an untouched annotation follows it."""
        files, schema = self._folder.files, self._session.schema
        assert files is not None
        ref, shape = document.ref, document.shape_hw
        self._stale.discard(ref)

        def work(_job: Job) -> tuple[SeenFiles, MasksOfImage, LabelMap]:
            seen, read = files.annotations.seen(ref), files.masks_of(ref, schema, shape)
            found = read.saved or read.truth
            annotation = LabelMap.empty(shape) if found is None else found.copy()
            annotation.checksum()
            return seen, read, annotation

        def done(result: tuple[SeenFiles, MasksOfImage, LabelMap]) -> None:
            if files is not self._folder.files:
                return
            seen, read, annotation = result
            document.truth, document.keeps_form = read.truth, read.keeps_form
            untouched = not (document.dirty or document.history.can_undo)
            if untouched and document.origin in ("", "ground truth", "saved"):
                document.annotation = annotation
                document.saved_revision = document.annotation.revision
                document.origin = "saved" if read.saved else "ground truth" if read.truth else ""
                document.seen = seen
            else:  # what was read before is still what is shown: a change is asked about
                document.seen = seen if document.seen is None else document.seen.with_others(seen)
            self._notices.settle(_about_mask(ref))
            self._tell_problems(ref, read.problems)
            if document is self._session.document:
                self._session.notify(What.DOCUMENT | What.LABELS)

        self._jobs.submit(
            f"Reading the ground truth of {ref.title}",
            "files",
            work,
            done,
            key=f"truth-of:{ref.key}",
            visible=False,
        )

    # -- thumbnails --------------------------------------------------------------------------

    def thumbnail(self, index: int, px: int, done: GiveThumbnail) -> None:
        """Read a small picture of an image in the background.

        The latest wish is served first, since that is what is on the screen; of more than a few
        hundred the oldest are given up (`done` gets None and may ask again).

        Args:
            index: Which image.
            px: Longest side in pixels.
            done: Gets the index and (h, w, 3) uint8, or None if there is none.
        """
        self._thumbnails.get(index, px, done)


def _about_mask(ref: ImageRef) -> str:
    """What notices of an image's masks are about: they go when these are read again."""
    return f"mask:{ref.key}"


def _where_truth_lies(project: Project) -> str:
    if project.masks:
        return f"Ground truth is read from {project.masks}."
    if project.truth is None:
        return "There is no ground truth beside the images."
    first, *others = project.truth.folders
    more = f" and {len(others):,} more folder{'s' * (len(others) > 1)}" if others else ""
    return f"Ground truth is read from {first}{more}."
