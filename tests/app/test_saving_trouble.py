"""Saving that fails and works again later: said once, taken back, and made up for."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder
from PIL import Image as pil
from strokes import stroke

from segstudio.core.errors import SegstudioError


@pytest.fixture
def blocked(desk, tmp_path):
    """A desk with a stroke on the first image; a file stands where the masks' folder belongs."""
    desk.root = make_folder(tmp_path / "set", truth=False)
    (desk.root / "masks").write_text("in the way")
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    desk.settled = []
    desk.notices.settled.connect(desk.settled.append)
    stroke(desk, (3, 3))
    desk.clock.advance(1.1)
    desk.settle()
    return desk


def free(desk) -> None:
    (desk.root / "masks").unlink()


def errors(desk) -> list[str]:
    return [n.about for n in desk.notices.recent if n.level == "error"]


def test_it_is_said_once_until_it_is_asked_for_by_hand(blocked) -> None:
    stroke(blocked, (4, 4))
    blocked.clock.advance(1.1)
    blocked.settle()
    assert errors(blocked) == ["saving"]

    blocked.autosave.save_now()
    blocked.settle()

    assert errors(blocked) == ["saving", "saving"]


def test_images_that_were_left_unsaved_are_saved_once_it_works(blocked) -> None:
    first = blocked.document
    blocked.browsing.step(1)
    blocked.settle()
    assert first.dirty
    free(blocked)

    stroke(blocked, (5, 5))
    blocked.autosave.save_now()
    blocked.settle()

    assert not first.dirty
    assert np.array(pil.open(blocked.root / "masks" / "a0.png")).sum() == 1
    assert np.array(pil.open(blocked.root / "masks" / "a1.png")).sum() == 1


def test_without_saving_by_itself_they_wait_for_the_user(blocked) -> None:
    blocked.preferences.update(autosave=False)
    blocked.autosave.ask = lambda _document: "save"
    first = blocked.document
    blocked.browsing.step(1)
    blocked.settle()
    free(blocked)

    stroke(blocked, (5, 5))
    blocked.autosave.save_now()
    blocked.settle()

    assert first.dirty
    assert "saving" in blocked.settled


def test_a_journal_that_is_written_again_takes_the_message_back(desk, tmp_path, monkeypatch):
    desk.open(make_folder(tmp_path / "set", truth=False))
    desk.session.set_view(active_class=1, brush_size=1)
    settled: list[str] = []
    desk.notices.settled.connect(settled.append)

    def full(*_args) -> None:
        raise SegstudioError("The journal was not saved: the disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(desk.studio._journal, "append", full)
        stroke(desk, (3, 3))
        stroke(desk, (4, 4))
    assert errors(desk) == ["journal"]
    assert settled == []

    stroke(desk, (5, 5))

    assert settled == ["journal"]
