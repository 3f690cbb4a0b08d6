"""The user's settings in force, and saving them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from segstudio.jobs import JobRunner
from segstudio.notices import Notices
from segstudio.storage.folders import user_folders
from segstudio.storage.recent_folders import FolderFacts
from segstudio.storage.settings import Settings, load_settings, save_settings


class Preferences:
    """Settings are read from `settings` and changed by `update` only.

    Attributes:
        home: The folder that holds all of the user's files in tests, else None.
        folders: Where settings, data and cache lie.
        settings: The settings in force; replaced as a whole.
    """

    def __init__(self, home: Path | None, jobs: JobRunner, notices: Notices) -> None:
        self.home = home
        self.folders = user_folders(home)
        self._jobs = jobs
        self._notices = notices
        self._path = self.folders.config / "settings.json"
        self.settings: Settings = load_settings(
            self._path, lambda text: notices.warning(text, scope="program")
        )

    def update(self, **values: Any) -> None:
        """Change settings by name and save them."""
        settings = replace(self.settings, **values)
        if settings == self.settings:
            return
        self.settings = settings
        path = self._path
        self._jobs.submit(
            "Saving the settings",
            "save",
            lambda _job: save_settings(path, settings),
            failed=lambda error: self._notices.failure(
                "Saving the settings", error, scope="program"
            ),
            key="settings",
            visible=False,
        )

    def export_folder(self, root: Path) -> str:
        """Where a data set is exported to: where it was last, else its own `export`."""
        return self.settings.export_folders.get(str(root)) or str(root / "export")

    def remember_export(self, root: Path, folder: str, forms: str) -> None:
        """Keep where a data set was exported to and in which forms (joined by commas)."""
        kept = self.settings.with_export(str(root), folder, forms)
        self.update(export_folders=kept.export_folders, export_forms=kept.export_forms)

    def remember_folder(self, root: Path, facts: FolderFacts) -> None:
        """Put a folder at the head of the list of recent ones, and keep what is known of it."""
        self._keep_recent(self.settings.with_recent(str(root)).with_facts(str(root), facts))

    def remember_facts(self, root: Path, facts: FolderFacts) -> None:
        """Keep what is known of a folder, if it is one of the recent ones."""
        self._keep_recent(self.settings.with_facts(str(root), facts))

    def forget_folder(self, root: Path) -> None:
        """Take a folder out of the list of recent ones."""
        self._keep_recent(self.settings.without_recent(str(root)))

    def _keep_recent(self, kept: Settings) -> None:
        self.update(recent=kept.recent, recent_facts=kept.recent_facts)
