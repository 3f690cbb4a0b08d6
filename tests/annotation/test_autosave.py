from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder
from PIL import Image as pil
from saving import journals
from strokes import dab

from segstudio.session.session import What
from segstudio.storage.formats.png import written_by_segstudio


def mask(desk, name="a0.png"):
    return desk.root / "masks" / name


def test_saved_about_a_second_after_the_last_stroke(painting):
    dab(painting)
    painting.clock.advance(0.6)
    dab(painting, 5, 5)
    painting.clock.advance(0.6)
    painting.settle()
    assert not mask(painting).exists()
    assert painting.document.dirty
    assert journals(painting)
    painting.clock.advance(0.5)
    painting.settle()
    assert written_by_segstudio(mask(painting))
    saved = np.array(pil.open(mask(painting)))
    assert saved[3, 3] == saved[5, 5] == 1
    assert saved.sum() == 2
    assert not painting.document.dirty
    assert not journals(painting)


def test_nothing_is_saved_in_the_middle_of_a_stroke(painting):
    painting.editing.begin_stroke(3, 3)
    painting.clock.advance(3)
    painting.settle()
    assert not mask(painting).exists()
    painting.editing.end_stroke()
    painting.clock.advance(1.1)
    painting.settle()
    assert mask(painting).exists()


def test_the_dirty_mark_is_announced_when_it_changes(painting):
    painting.changes.clear()
    dab(painting)
    dab(painting, 6, 6)
    painting.autosave.save_now()
    painting.settle()
    saved = [c for c in painting.changes if What.SAVED in c.what]
    assert 2 <= len(saved) <= 3


def test_a_stroke_during_the_write_stays_dirty_and_in_the_journal(painting):
    dab(painting)
    painting.autosave.save_now()
    assert painting.jobs.wait_idle()  # written, but the result has not arrived
    dab(painting, 9, 9)
    painting.clock.run_posted()
    assert painting.document.dirty
    assert painting.session.state(0).edited
    assert journals(painting)
    painting.clock.advance(1.1)
    painting.settle()
    assert np.array(pil.open(mask(painting)))[9, 9] == 1
    assert not painting.document.dirty


def test_save_now_says_so_if_there_is_nothing(painting):
    painting.autosave.save_now()
    assert painting.messages[-1] == "a0.png has no unsaved changes."


def test_leaving_saves(painting):
    dab(painting)
    painting.browsing.step(1)
    painting.settle()
    assert mask(painting).exists()
    assert painting.session.state(0).edited


@pytest.mark.parametrize("answer", ["save", "discard", "cancel"])
def test_without_autosave_it_asks(painting, answer):
    painting.preferences.update(autosave=False)
    asked = []

    def ask(document):
        asked.append(document.ref.name)
        return answer

    painting.autosave.ask_unsaved = ask
    dab(painting)
    painting.clock.advance(10)
    painting.settle()
    assert not mask(painting).exists()
    painting.browsing.step(1)
    painting.settle()
    assert set(asked) == {"a0.png"}
    assert mask(painting).exists() == (answer == "save")
    assert painting.session.state(0).edited == (answer != "discard")
    assert painting.session.index == (0 if answer == "cancel" else 1)
    if answer == "cancel":
        assert painting.document.dirty
        painting.autosave.ask_unsaved = lambda _document: "discard"
    else:
        painting.browsing.step(-1)
        painting.settle()
        assert painting.document.annotation.labels.sum() == (1 if answer == "save" else 0)
        assert not painting.document.dirty
        assert not journals(painting)


def test_close_saves_what_waits(painting):
    dab(painting)
    assert painting.close()
    assert mask(painting).exists()
    assert not journals(painting)


def test_emergency_writes_at_once_to_the_recovery_folder(painting):
    dab(painting)
    (folder,) = painting.autosave.emergency()
    assert folder.is_relative_to(painting.preferences.folders.data)
    assert np.array(pil.open(folder / "a0.png")).sum() == 1
    painting.autosave.save_now()
    painting.settle()
    assert painting.autosave.emergency() == []


def test_whole_maps_go_to_the_journal_in_their_order(painting, monkeypatch):
    monkeypatch.setattr("segstudio.annotation.autosave._DIRECT_PIXELS", 50)
    dab(painting)
    painting.session.set_view(fill_contiguous=True)
    painting.editing.fill_at(20, 10)  # 600 pixels: through the lane
    dab(painting, 1, 1)
    painting.editing.begin_stroke(8, 8, erase=True)  # after it, so through the lane too
    painting.editing.end_stroke()
    painting.jobs.wait_idle()
    assert painting.document.annotation.labels.sum() == 599
    painting.clock.run_posted()
    painting.clock.advance(1.1)
    painting.settle()
    assert not journals(painting)
    assert np.array(pil.open(mask(painting))).sum() == 599


def test_two_running_programs_do_not_recover_each_other(painting, new_desk):
    dab(painting)
    assert journals(painting)
    assert new_desk().recovering.pending() == []


def test_discarded_strokes_are_gone(painting, new_desk, tmp_path):
    dab(painting)
    # As if the program had ended: its lock is let go, its journal stays.
    painting.studio._journal.close()
    other = new_desk()
    (item,) = other.recovering.pending()
    assert item.strokes == 1
    other.recovering.discard(item)
    other.settle()
    assert other.recovering.pending() == []


def test_the_message_of_a_failed_save_is_taken_back_when_saving_works_again(painting):
    (painting.root / "masks").write_text("a file where the folder should be")
    dab(painting)
    painting.clock.advance(1.1)
    painting.settle()
    notice = painting.notices.recent[-1]
    assert (notice.level, notice.about) == ("error", "saving")
    assert painting.document.dirty
    assert notice in [entry.notice for entry in painting.notices.shown]
    (painting.root / "masks").unlink()
    dab(painting, 5, 5)
    painting.clock.advance(1.1)
    painting.settle()
    assert not painting.document.dirty
    assert notice not in [entry.notice for entry in painting.notices.shown]


def ended(desk):
    """As if the program had been killed: its lock is let go, its journal stays."""
    desk.studio._journal.close()
    (path,) = journals(desk)
    return path


def test_what_is_readable_of_a_damaged_journal_is_restored_and_said(painting, new_desk):
    for x in (3, 5, 7):
        dab(painting, x, x)
    path = ended(painting)
    data = bytearray(path.read_bytes())
    data[-5] ^= 4  # in the last of three records
    path.write_bytes(data)
    other = new_desk()
    (item,) = other.recovering.pending()
    assert (item.strokes, item.damaged) == (2, 1)
    other.recovering.restore(item)
    other.settle()
    assert other.document.annotation.labels.sum() == 2
    (told,) = (n.notice for n in other.notices.shown if "a0.png" in n.message)
    assert told.level == "warning"
    assert told.message == (
        "The strokes on a0.png are back but for 1 place where their journal is damaged."
    )
    (kept,) = (p for p in journals(other) if p.parent.name == "set-aside")
    assert kept.read_bytes() == data


def test_a_journal_that_cannot_be_read_is_said(painting, new_desk, tmp_path):
    dab(painting)
    path = ended(painting)
    path.write_bytes(b"SEGJ1\n" + b"\x55" * 60)
    other = new_desk()
    assert other.recovering.pending() == []
    other.recovering.notify_unreadable()
    notice = other.notices.recent[-1]
    assert notice.level == "error"
    assert "set aside" in notice.hint
    (kept,) = journals(other)
    assert str(kept) in notice.hint
    other.open(make_folder(tmp_path / "other", 1))  # as the program does when it starts
    assert notice in [entry.notice for entry in other.notices.shown]
