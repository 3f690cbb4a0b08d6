"""Where the files live that ship with segstudio: icons, embedded weights, samples, help."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def resource_path(*parts: str) -> Path:
    """The path of a shipped file or folder, in a checkout and in an installed package."""
    return _root().joinpath(*parts)


def docs_path(*parts: str) -> Path:
    """The path of a page of the documentation, in a checkout and in an installed package."""
    return _docs().joinpath(*parts)


@cache
def _root() -> Path:
    return _shipped("resources")


@cache
def _docs() -> Path:
    return _shipped("docs")


def _shipped(folder: str) -> Path:
    package = Path(__file__).resolve().parent
    installed = package / folder
    return installed if installed.is_dir() else package.parent / folder
