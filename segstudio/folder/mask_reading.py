"""What the masks of the open folder mean: looking at all of them, asking, keeping the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.text import enumerated, listed
from segstudio.folder.files import MasksKnown, OpenFolder
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Action, Notice, Notices
from segstudio.preferences import Preferences
from segstudio.session.session import SchemaOrigin, Session
from segstudio.storage.key_value import KeyValueFile
from segstudio.storage.project import Project
from segstudio.storage.states import load_asked, save_read_as
from segstudio.storage.truth import Doubt, ReadAs, TruthIndex

_ABOUT = "masks"
"""What notices of how masks are read are about: they go when that changes."""
_EACH_TIME = frozenset({"mixed", "codes"})
"""Doubts for which masks are not used: they are told each time."""
_OF_CLASSES = frozenset({"index", "cityscapes", "kitti"})
"""How masks are read that hold ids of classes."""
_NAMED = 5
_OTHERWISE = SegstudioError(
    "The masks turned out to hold something else than was thought at first.",
    "They were read again; start this once more.",
)
_STOPPED = SegstudioError("The masks were not looked at to the end.", "Read the folder again.")


class MaskReading:
    """Decides how the values of the open folder's masks are read.

    A folder is opened after a look at some of its masks. The others are looked at in the
    background; until then nothing is counted and nothing exported, so that no figure depends on
    how fast that goes.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        preferences: Preferences,
        folder: OpenFolder,
        schema: SchemaKeeper,
        *,
        use: Callable[[Project], None],
        known: Callable[[], None],
    ) -> None:
        """Args (besides the objects it works on):
        use: Puts the same folder, read otherwise, in force.
        known: Called when all masks were looked at and mean what was thought at first.
        """
        self._session = session
        self._jobs = jobs
        self._notices = notices
        self._folder = folder
        self._schema = schema
        self._use = use
        self._known = known
        self._final: TruthIndex | None = None
        self._asked: dict[Path, frozenset[str]] = {}
        self._is_changed = False
        """Whether they were read otherwise a moment ago: only then numbers are asked about, and not
        those of a class that was removed."""
        self._kept = KeyValueFile(preferences.folders.cache / "masks.sqlite")

    def close(self) -> None:
        """Let go of the file of what was found out."""
        self._kept.close()

    def look(self) -> None:
        """Look at all masks of the open folder, if that was not done yet, then ask what to ask."""
        self._final = None
        files = self._folder.files
        project = self._session.project
        if files is None or project is None or project.truth is None:
            return
        index = project.truth
        if index.final:
            self._tell(project, index)
            return
        images, masks = project.images, files.masks

        def work(job: Job) -> TruthIndex:
            try:
                return index.settled(
                    images, lambda done, total: job.report(done, total), self._kept
                )
            except BaseException:
                masks.settle(_STOPPED)  # nobody waits for ever
                raise

        def ended() -> None:
            if not masks.settled:  # cancelled before it began
                masks.settle(_STOPPED)

        self._jobs.submit(
            "Looking at the masks",
            "masks",
            work,
            lambda found: self._looked(project, masks, found),
            ended=ended,
            key="masks",
        )

    def _looked(self, project: Project, masks: MasksKnown, found: TruthIndex) -> None:
        assert project.truth is not None
        if project is not self._session.project:
            masks.settle(_OTHERWISE)
            return
        if found.reads_like(project.truth):
            self._final = found
            masks.settle()
            self._tell(project, found)
            self._known()
            return
        self._change(project, found, found.news_since(project.truth))
        masks.settle(_OTHERWISE)

    def read_as(self, said: ReadAs) -> None:
        """Read the masks as the user says, now and the next time."""
        project, files = self._session.project, self._folder.files
        index = self.index
        if project is None or index is None or files is None:
            return
        self._notices.settle(_ABOUT)
        self._save(project, said)
        if said == index.said:
            return
        self._change(project, index.read_as(said))
        files.masks.settle(_OTHERWISE)

    @property
    def index(self) -> TruthIndex | None:
        """The open folder's masks with the last word on what they mean, or None."""
        project = self._session.project
        return self._final or (None if project is None else project.truth)

    def _change(self, project: Project, found: TruthIndex, news: str = "") -> None:
        """Read the masks otherwise, and name the annotations that stay as they are.

        Args:
            project: The open one.
            found: The masks as they are read from now on.
            news: The mask that contradicts what was thought at first, and by what; "" if none does.
        """
        edited = self._edited()
        before = project.truth
        self._notices.settle(_ABOUT)
        self._is_changed = True
        self._use(replace(project, truth=found))
        if before is None or found.reads_all_as(before):
            return
        text = f"The masks are now read as {found.in_words}."
        if news:
            text += f" The first look had not come to {news}."
        if edited:
            text += f" What was edited before stays as it is: {listed(edited, _NAMED)}."
        self._notices.post(Notice("warning" if edited else "info", text, about=_ABOUT))

    def _edited(self) -> list[str]:
        project = self._session.project
        assert project is not None
        states = self._session.states.items()
        places = sorted(place for place, state in states if state.edited)
        return [project.images[i].name for i in places if i < len(project.images)]

    # -- asking --------------------------------------------------------------------------------

    def _tell(self, project: Project, index: TruthIndex) -> None:
        """Say what the masks do not tell: what is a question once, what is a fact each time."""
        self._notices.settle(_ABOUT)
        if project.root not in self._asked:
            self._asked[project.root] = load_asked(project.data_folder)
        asked = self._asked[project.root]
        new = [d for d in index.doubts if d.about in _EACH_TIME or d.about not in asked]
        for doubt in new:
            self._post(doubt, index)
        questions = {str(d.about) for d in new if d.about not in _EACH_TIME}
        missing = self._without_class(index) if self._is_changed else []
        self._is_changed = False
        numbers = {f"no class {n}" for n in missing}
        if numbers - asked:
            self._offer_classes(missing)
            questions |= numbers
        if questions:
            self._asked[project.root] = asked | questions
            self._save(project, index.said)

    def _post(self, doubt: Doubt, index: TruthIndex) -> None:
        answers: list[Action] = [
            (words, partial(self.read_as, _with(index.said, answer)))
            for words, answer in doubt.answers
        ]
        if doubt.about == "levels":
            answers.insert(0, ("It is ignored", self._ignore_255))
        first, second = (*answers, None, None)[:2]
        self._notices.post(
            Notice(
                "warning" if doubt.about in _EACH_TIME else "info",
                doubt.message,
                doubt.hint,
                action=first,
                second=second,
                about=_ABOUT,
                stays=True,
            )
        )

    def _without_class(self, index: TruthIndex) -> list[int]:
        """The numbers of the masks that a list of classes of the user's does not name."""
        schema = self._session.schema
        declared = self._session.schema_origin is SchemaOrigin.DECLARED
        if not declared or index.undecided or index.kind not in _OF_CLASSES:
            return []
        known = {*schema.ids, schema.ignore_index}
        return sorted(n for n in index.class_numbers - known if 0 <= n < 256)

    def _offer_classes(self, missing: list[int]) -> None:
        def add() -> None:
            self._notices.settle(_ABOUT)
            self._schema.add_numbered(missing)

        are = "which are no classes" if len(missing) > 1 else "which is no class"
        shown = enumerated([str(n) for n in missing])
        if len(missing) > _NAMED:
            shown = f"{len(missing)} numbers from {missing[0]} to {missing[-1]}"
        self._notices.post(
            Notice(
                "warning",
                f"The masks hold {shown}, {are} of this folder.",
                "Their pixels have no name and no score until they are.",
                action=(f"Add {counted(len(missing), 'class', 'classes')}", add),
                about=_ABOUT,
                stays=True,
            )
        )

    def _ignore_255(self) -> None:
        self._notices.settle(_ABOUT)
        self._schema.set_ignore_index(255)

    def _save(self, project: Project, said: ReadAs) -> None:
        asked = self._asked.get(project.root, frozenset())
        self._jobs.submit(
            "Saving how the masks are read",
            "save",
            lambda _job: save_read_as(project.data_folder, project.root, said, asked),
            failed=lambda error: self._notices.failure("Saving how the masks are read", error),
            visible=False,
        )


def _with(said: ReadAs, answer: ReadAs) -> ReadAs:
    """What was said, and one thing more."""
    return ReadAs(
        answer.kind or said.kind,
        answer.zero or said.zero,
        said.ignored if answer.ignored is None else answer.ignored,
    )
