"""The folder's classes: what they are, what may replace them, and saving them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from segstudio.clock import Cancel, Clock
from segstudio.core.class_mapping import is_scored
from segstudio.core.formatting import counted
from segstudio.core.schema import ClassSpec, Color, LabelSchema, distinct_color, merged_schemas
from segstudio.core.text import utf8_json
from segstudio.folder.class_presets import ClassPreset
from segstudio.folder.files import OpenFolder
from segstudio.jobs import JobRunner
from segstudio.notices import Notice, Notices
from segstudio.session.session import Change, SchemaOrigin, Session, What
from segstudio.storage.class_names_file import read_class_names
from segstudio.storage.masks import MASKS
from segstudio.storage.project import Project
from segstudio.storage.schema_file import (
    AS_CORRECTIONS,
    SCHEMA_NAME,
    SeenClasses,
    read_schema,
    write_schema,
)
from segstudio.storage.seen_files import SeenFiles, keep_version
from segstudio.storage.write_root import OutsideLinkError, WriteRoot, agree_to_link, agreed_links

_SAVE_AFTER_S = 1.0
_RETRY_S = 10.0
"""What could not be saved is tried again after so long."""
_SAVING = "saving the classes"
"""What a notice of that is about: it goes when they are saved."""
_ASKING = "classes changed elsewhere"
Prefer = Literal["mine", "theirs", ""]
"""Whose entries are taken where this window and another program changed the same; "": ask."""


class SchemaKeeper:
    """Changes `session.schema` and saves it as `masks/segstudio.json` when the user edited it.

    What another window or program wrote there meanwhile is taken over; where both changed the same
    entry, nothing is written until the user has chosen, and neither version is lost.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        folder: OpenFolder,
        notices: Notices,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._clock = clock
        self._folder = folder
        self._notices = notices
        self._cancel_save: Cancel | None = None
        self._failed: tuple[Path, str] | None = None
        """The folder whose classes could not be saved, and why."""
        self._about = _SAVING
        """What the notice of that is about."""
        self._agreed: set[Path] = set()
        self._before = session.schema
        """The classes as they were read or saved last."""
        self._asking = False
        self._removed: set[int] = set()
        """Ids of classes that were removed since the folder was opened."""
        self._named: tuple[LabelSchema, LabelSchema, LabelSchema | None] | None = None
        """The folder's and the model's classes that were looked at last, and what came of it."""
        session.follow(What.SAVED, self._on_saved)

    def take_over(self, project: Project) -> None:
        """Use a folder's classes: declared, found in its ground truth, or the default two."""
        session = self._session
        self.save_now()
        if project.schema is not None:
            session.schema, session.schema_origin = project.schema, SchemaOrigin.DECLARED
        elif project.truth is not None:
            declared = project.truth.declared
            session.schema = project.truth.schema
            session.schema_origin = SchemaOrigin.DECLARED if declared else SchemaOrigin.FOUND
        else:
            session.schema = LabelSchema.from_names(("background", "object"))
            session.schema_origin = SchemaOrigin.DEFAULT
        session.schema = replace(session.schema, words=project.words)
        self._before, self._asking = session.schema, False
        self._removed.clear()
        self._notices.settle(_ASKING)

    def announce(self, before: LabelSchema) -> None:
        """Tell that classes were taken over, if they are others than before.

        By itself, as when the user edits them: what is predicted is mapped anew. A brush that had no
        class but background, or one that is gone, gets the first: else it would erase.
        """
        session = self._session
        if session.schema == before:
            return
        session.notify(What.SCHEMA)
        schema, active = session.schema, session.view.active_class
        had_others = bool({*before.ids} - {0, before.ignore_index})
        if schema.ids and (schema.get(active) is None or (not active and not had_others)):
            first = next((i for i in schema.scored_ids if i), schema.ids[0])
            session.set_view(active_class=first, previous_class=0)

    def adopted(self, model: LabelSchema) -> LabelSchema:
        """The classes that will be in force once a prediction of this model is here.

        A model's classes are adopted where the folder's are unknown and nothing is annotated yet.
        """
        return model if self._is_blank() else self._session.schema

    def adopt(self, model: LabelSchema) -> None:
        """Put `adopted(model)` in force if that differs from what is.

        A folder that has classes keeps their names, also made-up ones: whether its "object" is
        what the model finds is known to the user alone (`use_model_names`).
        """
        session = self._session
        schema = self.adopted(model)
        if schema != session.schema:
            words = session.schema.words
            session.schema = replace(schema, words=words)
            session.schema_origin = SchemaOrigin.MODEL
            session.notify(What.SCHEMA)

    def is_adopted(self) -> bool:
        """Whether the classes are those of a model, and nothing is annotated in them yet."""
        return self._session.schema_origin is SchemaOrigin.MODEL and not self._is_annotated()

    def adopt_instead(self, model: LabelSchema) -> None:
        """Put a model's classes in force in place of another model's."""
        session = self._session
        if not self.is_adopted():
            self._notices.info(
                "The folder's classes stay: there are annotations by now, or you changed them.",
                "Add what is missing in the Classes panel.",
            )
            return
        session.schema = replace(model, words=session.schema.words)
        session.notify(What.SCHEMA)

    def can_use_model_names(self) -> bool:
        """Whether the chosen model has names for classes of the folder that have none."""
        return self._named_as_model() is not None

    def use_model_names(self) -> None:
        """Call the folder's classes of made-up names as the chosen model does."""
        schema = self._named_as_model()
        if schema is not None:
            self.set(schema)

    def _named_as_model(self) -> LabelSchema | None:
        """The folder's classes with the chosen model's names for its made-up ones.

        None if none changes, or if it is not known that they are the model's.
        """
        session = self._session
        spec = session.models.get(session.model.chosen)
        if spec is None:
            return None
        folder, model, known = session.schema, spec.schema, self._named
        if known is None or known[0] is not folder or known[1] is not model:
            # asked at each change; the words of a large folder are many
            named = _with_names(folder, model) if is_scored(model, folder) else folder
            self._named = known = (folder, model, None if named == folder else named)
        return known[2]

    def _is_blank(self) -> bool:
        return self._session.schema_origin is SchemaOrigin.DEFAULT and not self._is_annotated()

    def _is_annotated(self) -> bool:
        session, document = self._session, self._session.document
        painted = document is not None and document.annotation.revision > 0
        return painted or any(s.annotated or s.edited for s in session.states.values())

    def rename_class(self, class_id: int, name: str) -> None:
        """Give a class another name."""
        spec = self._session.schema.get(class_id)
        if spec is not None:
            new = replace(spec, name=name.strip() or spec.name)
            self.set(self._session.schema.with_class(new))

    def recolor_class(self, class_id: int, color: Color) -> None:
        """Give a class another colour (r, g, b), 0..255."""
        spec = self._session.schema.get(class_id)
        if spec is not None:
            self.set(self._session.schema.with_class(replace(spec, color=color)))

    def add_class(self, name: str) -> int:
        """Add a class and return its id, the one after the highest; -1 if all 256 are taken.

        The number of a class that was removed comes last: earlier versions of masks may hold it.
        """
        schema = self._session.schema
        taken = {*schema.ids, 255 if schema.ignore_index is None else schema.ignore_index}
        highest = max((i for i in schema.ids if i != schema.ignore_index), default=-1)
        wanted = [*range(highest + 1, 256), *range(highest)]
        wanted.sort(key=lambda i: i in self._removed)  # stable
        free = next((i for i in wanted if i not in taken), -1)
        if free < 0:
            self._notices.warning("There is no class number left.", "Ids go from 0 to 255.")
            return -1
        spec = ClassSpec(free, name.strip() or f"class {free}", distinct_color(free))
        self.set(schema.with_class(spec))
        return free

    def add_numbered(self, class_ids: Iterable[int]) -> None:
        """Add classes with these ids, which are free, under made-up names."""
        schema = self._session.schema
        for i in class_ids:
            schema = schema.with_class(ClassSpec(i, f"class {i}", distinct_color(i)))
        self.set(schema)

    def remove_class(self, class_id: int, into: int = 0) -> None:
        """Take a class out of the list; ids of the others stay. Pixels are not looked at.

        Who painted with it goes on with `into`, what its pixels became; with a class beside it
        where that is background, so that the brush does not become an eraser.
        """
        self.set(self._session.schema.without_class(class_id))
        self._removed.add(class_id)
        view, schema = self._session.view, self._session.schema
        if class_id in (view.active_class, view.previous_class):
            left = [i for i in schema.ids if i not in (0, schema.ignore_index)]
            nearest = max((i for i in left if i < class_id), default=min(left, default=0))
            wanted = view.active_class if view.active_class != class_id else into or nearest
            self._session.set_view(active_class=wanted, previous_class=0)

    def restore_class(self, spec: ClassSpec) -> None:
        """Put a class that was removed back into the list, under its id."""
        self.set(self._session.schema.with_class(spec))

    def set_ignore_index(self, class_id: int | None) -> None:
        """Choose which id in the reference counts nowhere (None: all count)."""
        self.set(replace(self._session.schema, ignore_index=class_id))

    def read_names(self, path: Path) -> None:
        """Name the classes as a file does; classes that are not there yet are added.

        Classes past those of the file keep their names. Colours stay unless the file has its own.
        """
        project = self._session.project

        def done(read: tuple[ClassSpec, ...]) -> None:
            if project is self._session.project:
                self._name_as(read, path)

        self._jobs.submit(
            f"Reading {path.name}",
            "files",
            lambda _job: read_class_names(path),
            done,
            key="class names",
            front=True,
        )

    def _name_as(self, read: tuple[ClassSpec, ...], path: Path) -> None:
        schema = self._session.schema
        for spec in read:
            old = schema.get(spec.id)
            if old is not None:
                has_color = spec.color != distinct_color(spec.id)
                color = spec.color if has_color else old.color
                spec = replace(old, name=spec.name, color=color)
            schema = schema.with_class(spec)
        self.set(schema)
        count = f"{len(read)} class{'' if len(read) == 1 else 'es'}"
        self._notices.info(f"{count} named as in {path.name}.")

    def use_preset(self, preset: ClassPreset) -> None:
        """Give the folder a published list of classes.

        Where nothing is known or annotated the list takes the place of the classes. Elsewhere its
        names, colours and kinds go to the classes with its numbers, and what has another number
        stays, since pixels may have it.
        """
        session, wanted = self._session, preset.schema()
        before, schema = session.schema, replace(wanted, words=session.schema.words)
        if not self._is_blank() and not self.is_adopted():
            kept = [spec for spec in before.classes if wanted.get(spec.id) is None]
            for spec in kept:
                schema = schema.with_class(spec)
            schema = replace(schema, rules=before.rules)
        self.set(schema)
        if session.schema == before:
            return
        active = session.view.active_class
        if schema.get(active) is None or active == schema.ignore_index:
            first = next((i for i in schema.scored_ids if i), schema.ids[0])
            session.set_view(active_class=first, previous_class=0)
        made = session.schema

        def take_back() -> None:
            if session.schema == made:
                self.set(before)

        stay = len(schema.classes) - len(wanted.classes)
        others = f"; {counted(stay, 'class', 'classes')} past the list {'stays' if stay == 1 else 'stay'}"
        hint = ""
        if schema.background_id is None and schema.ignore_index != 0:
            zero = schema.name_of(0)
            hint = f"Class 0 of this list is {zero}: what nobody painted counts as {zero}."
        self._notices.info(
            f"The classes are those of {preset.title.partition(',')[0]} now{others if stay else ''}.",
            hint,
            action=("Undo", take_back),
        )

    def set(self, schema: LabelSchema, by: object = None) -> None:
        """Put edited classes in force and save them a little later.

        Args:
            schema: The classes.
            by: The service that goes on with it by itself (`Change.by`).
        """
        schema = self._keeping_mask_colors(schema)
        if schema == self._session.schema:
            return
        if self._session.read_only:
            self._notices.info(self._session.read_only)
            self._session.notify(What.SCHEMA, by=by)
            return
        self._session.schema = schema
        self._session.schema_origin = SchemaOrigin.DECLARED
        if self._cancel_save is not None:
            self._cancel_save()
        self._cancel_save = self._clock.call_later(_SAVE_AFTER_S, self.save_now)
        self._session.notify(What.SCHEMA, by=by)

    def _keeping_mask_colors(self, schema: LabelSchema) -> LabelSchema:
        """The classes, told apart in colour masks as before: the files keep their colours."""
        project = self._session.project
        if project is None or project.truth is None or project.truth.kind != "colour":
            return schema
        for old in self._session.schema.classes:
            new = schema.get(old.id)
            if new is not None and new.color_in_masks != old.color_in_masks:
                schema = schema.with_class(replace(new, mask_color=old.color_in_masks))
        return schema

    def save_now(self) -> None:
        """Save edited classes that wait to be saved."""
        if self._cancel_save is None:
            return
        self._cancel_save()
        self._cancel_save = None
        if not self._asking:
            self._save()

    def _save(self, prefer: Prefer = "") -> None:
        files, schema = self._folder.files, self._session.schema
        if files is None:
            return
        project, before = files.project, self._before
        target = _Target(
            WriteRoot(
                project.root,
                project.identity,
                project.images[0].path,
                agreed=frozenset(self._agreed),
            ),
            project.data_folder,
            self._folder_of_classes,
            project.classes,
        )

        def done(saved: _Saved) -> None:
            if self._failed is not None and self._failed[0] == project.root:
                self._failed = None
                self._settle()
            if self._is_open(project):
                self._saved(saved, schema)

        def failed(error: Exception) -> None:
            if self._failed != (project.root, str(error)):
                self._failed = (project.root, str(error))
                self._say_failed(project, error)
            if self._cancel_save is None and self._is_open(project):
                self._cancel_save = self._clock.call_later(_RETRY_S, self.save_now)

        self._jobs.submit(
            "Saving the classes",
            "save",
            lambda _job: _write(target, before, schema, prefer),
            done,
            failed=failed,
            visible=False,
        )

    def _say_failed(self, project: Project, error: Exception) -> None:
        """Tell why the classes could not be saved; of a link it is asked whether it may be used."""
        self._settle()
        if not isinstance(error, OutsideLinkError) or not error.agreement:
            self._notices.failure("Saving the classes", error, _SAVING)
            return

        def agree() -> None:
            self._settle()
            self._agreed.add(error.link)
            if error.remedy == "follow":
                self._jobs.submit(
                    "Keeping what you agreed to",
                    "save",
                    lambda _job: agree_to_link(project.data_folder, error.link),
                    visible=False,
                )
            if self._is_open(project):
                self.save_now()

        self._about = error.question
        self._notices.settle(error.question)  # asked about an image
        self._notices.post(
            Notice(
                "error",
                error.message,
                "The classes are not saved until you choose.",
                action=(error.agreement, agree),
                about=error.question,
                stays=True,
            )
        )

    def _settle(self) -> None:
        """Take back what was said of classes that could not be saved."""
        self._notices.settle(self._about)
        self._about = _SAVING

    @property
    def _folder_of_classes(self) -> str:
        saving = self._session.saving
        return saving.folder if saving.elsewhere else MASKS

    def _is_open(self, project: Project) -> bool:
        present = self._folder.files
        return present is not None and present.project.root == project.root

    def _saved(self, saved: _Saved, schema: LabelSchema) -> None:
        """Follow what was saved of these classes; the user may have edited them since."""
        if saved.clashes:
            self._ask(saved)
            return
        self._before = saved.schema
        if saved.schema == schema:
            return
        self._session.schema, _ = merged_schemas(schema, self._session.schema, saved.schema)
        self._session.schema_origin = SchemaOrigin.DECLARED
        self._notices.info("What another program or window changed of the classes was taken over.")
        self._session.notify(What.SCHEMA)

    def _ask(self, saved: _Saved) -> None:
        self._asking = True

        def answer(prefer: Prefer) -> None:
            self._asking = False
            self._notices.settle(_ASKING)
            self._save(prefer)

        more = f", and {len(saved.clashes) - 1} more" if len(saved.clashes) > 1 else ""
        self._notices.post(
            Notice(
                "warning",
                f"{saved.path} was changed by another program or window: {saved.clashes[0]}{more}.",
                f"Whichever you choose, the other list is kept too. Yours is in {saved.copy}.",
                action=("Keep mine", lambda: answer("mine")),
                second=("Take theirs", lambda: answer("theirs")),
                about=_ASKING,
                stays=True,
            )
        )

    def _on_saved(self, _change: Change) -> None:
        """A save of an annotation may have found classes that another program changed."""
        files = self._folder.files
        if files is None or self._asking:
            return
        path = files.project.root / self._folder_of_classes / SCHEMA_NAME
        if self._cancel_save is None and path in files.project.classes.foreign:
            self._cancel_save = self._clock.call_later(0.0, self.save_now)


@dataclass(frozen=True)
class _Target:
    """Where classes are saved."""

    root: WriteRoot
    data_folder: Path
    folder: str
    classes: SeenClasses


@dataclass(frozen=True)
class _Saved:
    """What saving classes did.

    Attributes:
        path: The file.
        schema: The classes in it.
        clashes: What another program changed otherwise; if there is something, nothing was saved.
        copy: Where the classes are then that were not saved.
    """

    path: Path
    schema: LabelSchema
    clashes: tuple[str, ...] = ()
    copy: Path | None = None


def _write(target: _Target, before: LabelSchema, schema: LabelSchema, prefer: Prefer) -> _Saved:
    agreed = target.root.agreed | agreed_links(target.data_folder)
    root = replace(target.root, agreed=agreed)
    root.check()
    folder, classes = root.folder / target.folder, target.classes
    entries = None if target.folder == MASKS else AS_CORRECTIONS
    path = write_schema(folder, schema, root, entries, classes)
    if path not in classes.foreign:
        return _Saved(path, schema)
    theirs = read_schema(path)
    merged, clashes = merged_schemas(before, schema, theirs, prefer_theirs=prefer == "theirs")
    if clashes and not prefer:
        text = json.dumps(schema.to_json(), indent=2, ensure_ascii=False) + "\n"
        return _Saved(path, theirs, clashes, keep_version(root, path, utf8_json(text)))
    if clashes and prefer == "mine":
        SeenFiles({path: None}).keep_changed(root)
    classes.at[path] = theirs
    write_schema(folder, merged, root, entries, classes)
    return _Saved(path, merged)


def _with_names(found: LabelSchema, model: LabelSchema) -> LabelSchema:
    """Found classes, with the model's names and colours where their own are made up."""
    if set(found.scored_ids) != set(model.ids):
        return found  # another set of classes: equal numbers need not mean the same
    for spec in found.classes:
        other = model.get(spec.id)
        made_up = spec.name in (f"class {spec.id}", "object")
        if other is not None and made_up and spec.id != found.ignore_index:
            found = found.with_class(other)
    return found
