"""Where the user's own files are: settings, data, cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from segstudio.core.errors import SegstudioError


@dataclass(frozen=True)
class UserFolders:
    """Folders of the user, not of an image folder; made when first written to.

    Attributes:
        config: Settings.
        data: Journals, recovered work, reviewed marks, predictions, downloaded weights.
        cache: What can be made again: thumbnails.
    """

    config: Path
    data: Path
    cache: Path

    def of_project(self, root: Path) -> Path:
        """The folder for what belongs to one image folder: its marks."""
        import hashlib  # OpenSSL comes with it, which the first window need not wait for

        resolved = os.path.realpath(root)
        digest = hashlib.blake2b(os.fsencode(resolved), digest_size=10).hexdigest()
        return self.data / "folders" / digest


def user_folders(home: Path | None = None) -> UserFolders:
    """The user's folders: all below `home` or `SEGSTUDIO_HOME` if given, else as the system says."""
    chosen = home or (
        Path(os.environ["SEGSTUDIO_HOME"]) if os.environ.get("SEGSTUDIO_HOME") else None
    )
    if chosen is not None:
        return UserFolders(chosen / "config", chosen / "data", chosen / "cache")
    import platformdirs

    dirs = platformdirs.PlatformDirs("segstudio", appauthor=False)
    return UserFolders(dirs.user_config_path, dirs.user_data_path, dirs.user_cache_path)


def require_folder(path: Path) -> None:
    """Refuse what is no folder.

    Raises:
        SegstudioError: tells the path.
    """
    if not path.exists():
        raise SegstudioError(f"There is no folder {path}.", "Check the path.")
    if not path.is_dir():
        raise SegstudioError(f"{path} is a file.", "Give a folder.")
