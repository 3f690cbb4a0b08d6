"""Which cases of a test run every time, where each stands for others of its kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def few(cases: Iterable[Any], kept: int | Collection[Any]) -> list[Any]:
    """All cases for ``parametrize``; those beside the kept ones (the first so many, or these) are slow ones."""
    made = []
    for index, case in enumerate(cases):
        stays = index < kept if isinstance(kept, int) else case in kept
        values = case if isinstance(case, tuple) else (case,)
        made.append(case if stays else pytest.param(*values, marks=pytest.mark.slow))
    return made
