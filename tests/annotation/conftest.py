"""Desks with a brush in hand."""

from __future__ import annotations

import pytest
from fakes import make_folder
from strokes import stroke


@pytest.fixture
def painting(desk, tmp_path):
    """A desk with nothing painted yet and a brush of one pixel."""
    desk.root = make_folder(tmp_path / "set", truth=False)
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    return desk


@pytest.fixture
def painted(painting):
    """A desk with a stroke on the first image that is not saved yet."""
    stroke(painting, (3, 3))
    return painting
