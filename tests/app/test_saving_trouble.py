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


@pytest.fixture
def painted(desk, tmp_path):
    """A desk with a stroke on the first image that is not saved yet."""
    desk.root = make_folder(tmp_path / "set", truth=False)
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (3, 3))
    return desk


def later(desk, seconds=1.1) -> None:
    desk.clock.advance(seconds)
    desk.settle()


def journals(desk):
    return list(desk.preferences.folders.data.rglob("*.journal"))


@pytest.mark.parametrize("left", ["nothing", "an empty mount point"])
def test_a_folder_that_vanished_is_not_made_anew(painted, tmp_path, left) -> None:
    painted.root.rename(tmp_path / "moved")
    if left != "nothing":
        painted.root.mkdir()
    later(painted)
    assert list(painted.root.rglob("*")) == []
    assert painted.document.dirty
    assert errors(painted) == ["saving"]
    assert str(painted.root) in painted.messages[-1]
    assert journals(painted)
    # The classes are not saved to a ghost either.
    painted.class_list.add("other")
    later(painted)
    assert list(painted.root.rglob("*")) == []


def test_a_mask_that_links_out_of_the_folder_is_asked_for(painted, tmp_path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    mask = painted.root / "masks" / "a0.png"
    mask.parent.mkdir()
    mask.symlink_to(mine)
    later(painted)
    assert painted.document.dirty
    notice = painted.notices.recent[-1]
    assert (notice.level, notice.about) == ("error", "saving")
    assert str(mine) in notice.message
    title, act = notice.action
    assert title == "Replace the link"
    act()
    painted.settle()
    assert not painted.document.dirty
    assert mine.read_text() == "mine"
    assert not mask.is_symlink()
    assert np.array(pil.open(mask)).sum() == 1
    stroke(painted, (4, 4))
    later(painted)
    assert np.array(pil.open(mask)).sum() == 2
