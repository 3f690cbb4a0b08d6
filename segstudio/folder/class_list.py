"""The folder's classes: one by one, or all names at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from segstudio.core.schema import ClassSpec, Color, distinct_color
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.jobs import JobRunner
from segstudio.notices import Notices
from segstudio.session.session import Session
from segstudio.storage.class_names_file import read_class_names


class ClassList:
    """Changes classes; names all of them as a file says, since another program may know them."""

    def __init__(
        self, session: Session, jobs: JobRunner, notices: Notices, schema: SchemaKeeper
    ) -> None:
        self._session, self._jobs, self._notices, self._schema = session, jobs, notices, schema

    def rename(self, class_id: int, name: str) -> None:
        """Give a class another name."""
        self._schema.change_class(class_id, name, None)

    def recolor(self, class_id: int, color: Color) -> None:
        """Give a class another colour (r, g, b), 0..255."""
        self._schema.change_class(class_id, None, color)

    def add(self, name: str) -> int:
        """Add a class; returns its id, -1 if there is no number left."""
        return self._schema.add_class(name)

    def set_ignore_index(self, class_id: int | None) -> None:
        """Choose which id of the reference counts in no score."""
        self._schema.set_ignore_index(class_id)

    def can_use_model_names(self) -> bool:
        """Whether the chosen model has names for classes of the folder that have none."""
        spec = self._session.models.get(self._session.model.chosen)
        return spec is not None and self._schema.named_as(spec.schema) is not None

    def use_model_names(self) -> None:
        """Call the folder's classes of made-up names as the chosen model does."""
        spec = self._session.models.get(self._session.model.chosen)
        if spec is not None:
            self._schema.use_names(spec.schema)

    def read(self, path: Path) -> None:
        """Name the classes as a file does; classes that are not there yet are added.

        Classes past those of the file keep their names. Colours stay unless the file has its own.
        """
        project = self._session.project

        def done(read: tuple[ClassSpec, ...]) -> None:
            if project is self._session.project:
                self._use(read, path)

        self._jobs.submit(
            f"Reading {path.name}",
            "files",
            lambda _job: read_class_names(path),
            done,
            key="class names",
            front=True,
        )

    def _use(self, read: tuple[ClassSpec, ...], path: Path) -> None:
        schema = self._session.schema
        for spec in read:
            old = schema.get(spec.id)
            if old is not None:
                has_color = spec.color != distinct_color(spec.id)
                color = spec.color if has_color else old.color
                spec = replace(old, name=spec.name, color=color)
            schema = schema.with_class(spec)
        self._schema.set(schema)
        count = f"{len(read)} class{'' if len(read) == 1 else 'es'}"
        self._notices.info(f"{count} named as in {path.name}.")
