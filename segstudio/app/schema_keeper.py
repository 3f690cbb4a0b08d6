"""The folder's classes: what they are, what may replace them, and saving them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from segstudio.app.class_mapping import is_scored
from segstudio.app.clock import Cancel, Clock
from segstudio.app.folder import OpenFolder
from segstudio.app.notices import Notices
from segstudio.core.schema import ClassSpec, Color, LabelSchema, distinct_color
from segstudio.jobs import JobRunner
from segstudio.session.session import SchemaOrigin, Session, What
from segstudio.storage.masks import MASKS
from segstudio.storage.project import Project
from segstudio.storage.schema_file import AS_CORRECTIONS, write_schema
from segstudio.storage.write_root import WriteRoot, agreed_links

_SAVE_AFTER_S = 1.0
_RETRY_S = 10.0
"""What could not be saved is tried again after so long."""
_SAVING = "saving the classes"
"""What a notice of that is about: it goes when they are saved."""


class SchemaKeeper:
    """Changes `session.schema` and saves it as `masks/segstudio.json` when the user edited it."""

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
        self._failed: Path | None = None
        """The folder whose classes could not be saved."""

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

    def adopted(self, model: LabelSchema) -> LabelSchema:
        """The classes that will be in force once a prediction of this model is here.

        A model's classes are adopted where the folder's are unknown and nothing is annotated yet.
        """
        return model if self._is_blank() else self._session.schema

    def adopt(self, model: LabelSchema) -> None:
        """Put `adopted(model)` in force if that differs from what is.

        A folder that has classes keeps their names, also made-up ones: whether its "object" is
        what the model finds is known to the user alone (`use_names`).
        """
        session = self._session
        schema = self.adopted(model)
        if schema != session.schema:
            words = session.schema.words
            session.schema = replace(schema, words=words)
            session.schema_origin = SchemaOrigin.MODEL
            session.notify(What.SCHEMA)

    def named_as(self, model: LabelSchema) -> LabelSchema | None:
        """The folder's classes with a model's names for its made-up ones.

        None if none changes, or if it is not known that they are the model's.
        """
        if not is_scored(model, self._session.schema):
            return None
        schema = _with_names(self._session.schema, model)
        return None if schema == self._session.schema else schema

    def use_names(self, model: LabelSchema) -> None:
        """Call the folder's classes of made-up names as a model does."""
        schema = self.named_as(model)
        if schema is not None:
            self.set(schema)

    def _is_blank(self) -> bool:
        session, document = self._session, self._session.document
        if session.schema_origin is not SchemaOrigin.DEFAULT:
            return False
        painted = document is not None and document.annotation.revision > 0
        return not painted and not any(s.annotated or s.edited for s in session.states.values())

    def change_class(self, class_id: int, name: str | None, color: Color | None) -> None:
        """Give a class another name or colour."""
        spec = self._session.schema.get(class_id)
        if spec is None:
            return
        new = replace(spec, name=spec.name if name is None else name.strip() or spec.name)
        self.set(
            self._session.schema.with_class(new if color is None else replace(new, color=color))
        )

    def add_class(self, name: str) -> int:
        """Add a class under the lowest free id and return the id; -1 if all 256 are taken."""
        schema = self._session.schema
        taken = {*schema.ids, 255 if schema.ignore_index is None else schema.ignore_index}
        free = next((i for i in range(256) if i not in taken), -1)
        if free < 0:
            self._notices.warning("There is no class number left.", "Ids go from 0 to 255.")
            return -1
        spec = ClassSpec(free, name.strip() or f"class {free}", distinct_color(free))
        self.set(schema.with_class(spec))
        return free

    def remove_class(self, class_id: int) -> None:
        """Take a class out of the list; ids of the others stay. Pixels are not looked at."""
        self.set(self._session.schema.without_class(class_id))
        view = self._session.view
        if class_id in (view.active_class, view.previous_class):
            ids = self._session.schema.ids
            nearest = max((i for i in ids if i < class_id), default=ids[0] if ids else 0)
            self._session.set_view(active_class=nearest, previous_class=0)

    def restore_class(self, spec: ClassSpec) -> None:
        """Put a class that was removed back into the list, under its id."""
        self.set(self._session.schema.with_class(spec))

    def set_ignore_index(self, class_id: int | None) -> None:
        """Choose which id in the reference counts nowhere (None: all count)."""
        self.set(replace(self._session.schema, ignore_index=class_id))

    def set(self, schema: LabelSchema) -> None:
        """Put edited classes in force and save them a little later."""
        schema = self._keeping_mask_colors(schema)
        if schema == self._session.schema:
            return
        if self._session.read_only:
            self._notices.info(self._session.read_only)
            self._session.notify(What.SCHEMA)
            return
        self._session.schema = schema
        self._session.schema_origin = SchemaOrigin.DECLARED
        if self._cancel_save is not None:
            self._cancel_save()
        self._cancel_save = self._clock.call_later(_SAVE_AFTER_S, self.save_now)
        self._session.notify(What.SCHEMA)

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
        files, schema = self._folder.files, self._session.schema
        if files is None:
            return
        project = files.project
        elsewhere = self._session.saving.elsewhere
        corrections = self._session.saving.folder
        root = WriteRoot(project.root, project.identity, project.images[0].path)
        data_folder = project.data_folder

        def done(_none: None) -> None:
            if self._failed == project.root:
                self._failed = None
                self._notices.settle(_SAVING)

        def failed(error: Exception) -> None:
            if self._failed != project.root:
                self._failed = project.root
                self._notices.failure("Saving the classes", error, _SAVING)
            present = self._folder.files
            still_open = present is not None and present.project.root == project.root
            if self._cancel_save is None and still_open:
                self._cancel_save = self._clock.call_later(_RETRY_S, self.save_now)

        self._jobs.submit(
            "Saving the classes",
            "save",
            lambda _job: _write(root, data_folder, schema, corrections if elsewhere else MASKS),
            done,
            failed=failed,
            visible=False,
        )


def _write(root: WriteRoot, data_folder: Path, schema: LabelSchema, folder: str) -> None:
    root = replace(root, agreed=agreed_links(data_folder))
    root.check()
    entries = None if folder == MASKS else AS_CORRECTIONS
    write_schema(root.folder / folder, schema, root, entries)


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
