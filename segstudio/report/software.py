"""What a report was made with: versions of the programs that decide on its figures."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from segstudio import __version__

_PACKAGES = (
    ("PyTorch", "torch"),
    ("torchvision", "torchvision"),
    ("NumPy", "numpy"),
    ("OpenCV", "opencv-python-headless"),
)


def versions() -> dict[str, str]:
    """Versions by name: segstudio, Python, the packages that are installed, the system."""
    found = {"segstudio": __version__, "Python": platform.python_version()}
    for name, package in _PACKAGES:
        try:
            found[name] = version(package)
        except PackageNotFoundError:  # installed under another name
            continue
    return {**found, "system": platform.platform(terse=True)}


def versions_text() -> str:
    """The versions in one line."""
    named = versions()
    system = named.pop("system")
    return ", ".join([*(f"{name} {number}" for name, number in named.items()), system])


def settings_text(values: Mapping[str, object]) -> str:
    """Settings in one line, without those that are not set."""
    told = (f"{k} {_brief(value)}" for k, value in values.items() if value is not None)
    return ", ".join(told) or "none"


def _brief(value: object) -> object:
    """A mapping, such as a whole configuration, by its number of entries and the begin of a digest."""
    if not isinstance(value, Mapping) or not value:
        return value
    text = json.dumps(value, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"of {len(value)} entries ({digest})"
