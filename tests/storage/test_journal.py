from __future__ import annotations

import errno
import itertools
import os
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.errors import SegstudioError
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch
from segstudio.storage import journal as journal_module
from segstudio.storage import strokes
from segstudio.storage.journal import Journal, replay
from segstudio.storage.strokes import pack, unpack_all

IMAGE = Path("/data/zelle ä.png")


def painted(label_map, rng, count):
    """Random rectangles painted and applied; gives each patch with the revision after it."""
    height, width = label_map.shape_hw
    for _ in range(count):
        top, left = int(rng.integers(0, height)), int(rng.integers(0, width))
        bottom, right = (
            int(rng.integers(top + 1, height + 1)),
            int(rng.integers(left + 1, width + 1)),
        )
        rect = Rect(top, left, bottom, right)
        mask = rng.random(rect.shape_hw) < 0.7
        patch = label_map.paint(
            rect, mask, int(rng.integers(0, 4)), instance_id=int(rng.integers(0, 900))
        )
        if patch is not None:
            label_map.apply(patch)
            yield patch


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_record_gives_the_patch_back(seed, with_instances):
    rng = np.random.default_rng(seed)
    label_map = LabelMap(
        rng.integers(0, 4, (9, 13), np.uint8),
        rng.integers(0, 900, (9, 13), np.uint16) if with_instances else None,
    )
    for patch in painted(label_map, rng, 3):
        ((stroke, end),) = unpack_all(pack(patch, 17))
        assert end == len(pack(patch, 17))
        assert (stroke.revision, stroke.rect) == (17, patch.rect)
        for plane, before, after in zip(
            stroke.planes,
            (patch.before, patch.instances_before),
            (patch.after, patch.instances_after),
            strict=False,
        ):
            again = before.copy()
            assert np.array_equal(before[plane.changed], plane.before)
            again[plane.changed] = plane.after
            assert np.array_equal(again, after)


def crashed(journal):
    """Another program's view after this one ended without saving."""
    journal.close()
    return Journal(journal._root)


@pytest.mark.parametrize("with_instances", [False, True])
def test_strokes_are_replayed(tmp_path, with_instances):
    rng = np.random.default_rng(5)
    base = LabelMap(
        np.zeros((40, 30), np.uint8), np.zeros((40, 30), np.uint16) if with_instances else None
    )
    work, journal = base.copy(), Journal(tmp_path / "journal")
    count = 0
    for patch in painted(work, rng, 12):
        journal.append(IMAGE, patch, work)
        count += 1
    (item,) = crashed(journal).pending()
    assert (item.image, item.strokes, item.shape_hw) == (IMAGE, count, (40, 30))
    assert item.with_instances == with_instances
    result, conflicts = replay(item, base)
    assert conflicts == 0
    assert np.array_equal(result.labels, work.labels)
    if with_instances:
        assert np.array_equal(result.instances, work.instances)
    assert not base.labels.any()


def test_clear_keeps_what_came_after_the_saved_revision(tmp_path):
    rng = np.random.default_rng(6)
    work, journal = LabelMap.empty((20, 20)), Journal(tmp_path)
    patches = list(painted(work.copy(), rng, 30))[:8]
    assert len(patches) == 8
    for patch in patches[:5]:
        work.apply(patch)
        journal.append(IMAGE, patch, work)
    saved = work.copy()
    for patch in patches[5:]:
        work.apply(patch)
        journal.append(IMAGE, patch, work)
    journal.clear(IMAGE, saved.revision)
    extra = Patch(Rect(0, 0, 1, 1), work.labels[:1, :1].copy(), np.array([[3]], np.uint8))
    work.apply(extra)
    journal.append(IMAGE, extra, work)
    (item,) = crashed(journal).pending()
    assert item.strokes == len(patches) - 5 + 1
    result, conflicts = replay(item, saved)
    assert conflicts == 0
    assert np.array_equal(result.labels, work.labels)


def test_nothing_is_pending_after_a_good_save_or_a_discard(tmp_path):
    work, journal = LabelMap.empty((20, 20)), Journal(tmp_path)
    other = Path("/data/b.png")
    for patch in painted(work, np.random.default_rng(7), 2):
        journal.append(IMAGE, patch, work)
        journal.append(other, patch, work)
    journal.clear(IMAGE)
    later = crashed(journal)
    (item,) = later.pending()
    assert item.image == other
    later.discard(item)
    assert later.pending() == []
    assert list(tmp_path.iterdir()) == []


def test_a_changed_base_keeps_its_other_pixels(tmp_path):
    work, journal = LabelMap.empty((4, 4)), Journal(tmp_path)
    patch = work.paint(Rect(0, 0, 2, 2), np.eye(2, dtype=bool), 1)
    work.apply(patch)
    journal.append(IMAGE, patch, work)
    changed = np.zeros((4, 4), np.uint8)
    changed[0] = 3
    (item,) = crashed(journal).pending()
    result, conflicts = replay(item, LabelMap(changed))
    assert result.labels.tolist() == [[1, 3, 3, 3], [0, 1, 0, 0], [0] * 4, [0] * 4]
    assert conflicts == 1
    with pytest.raises(SegstudioError, match="4 x 4"):
        replay(item, LabelMap.empty((4, 5)))


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_torn_last_record_is_ignored(tmp_path, damage):
    work, journal = LabelMap.empty((16, 16)), Journal(tmp_path)
    states = []
    for patch in painted(work, np.random.default_rng(8), 4):
        journal.append(IMAGE, patch, work)
        states.append(work.labels.copy())
    journal.close()
    (path,) = tmp_path.rglob("*.journal")
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[-3:]
    else:
        data[-8] ^= 0x55
    path.write_bytes(data)
    (item,) = Journal(tmp_path).pending()
    assert item.strokes == 3
    result, _ = replay(item, LabelMap.empty((16, 16)))
    assert np.array_equal(result.labels, states[2])


def left_behind(folder, content=b"SEGJ1\n\xff\xff", name="a.journal"):
    """A journal as a program leaves it that ended long ago."""
    (folder / "1-x").mkdir(parents=True)
    (folder / "1-x" / "lock").write_bytes(b"")
    path = folder / "1-x" / name
    path.write_bytes(content)
    return path


def written_journal(folder, count=5):
    """The bytes of a journal of several strokes, and the map after each."""
    work, journal = LabelMap.empty((16, 16)), Journal(folder)
    states = []
    for patch in itertools.islice(painted(work, np.random.default_rng(8), 99), count):
        journal.append(IMAGE, patch, work)
        states.append(work.labels.copy())
    journal.close()
    (path,) = folder.rglob("*.journal")
    return path, states


@pytest.mark.parametrize(
    "content", [b"", b"SEGJ1\n\xff\xff", b'SEGJ1\n\x40\0\0\0abcd{"image": "/da']
)
def test_a_header_that_was_never_finished_held_nothing(tmp_path, content):
    left_behind(tmp_path, content)
    journal = Journal(tmp_path)
    assert journal.pending() == []
    assert journal.unreadable == ()
    assert list(tmp_path.iterdir()) == []
    assert Journal(tmp_path / "never made").pending() == []


def test_any_one_flipped_bit_of_the_header_loses_nothing(tmp_path):
    path, states = written_journal(tmp_path)
    data = path.read_bytes()
    length = 14 + int.from_bytes(data[6:10], "little")
    for bit in range(0, 8 * length, 7):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        (item,) = Journal(tmp_path).pending()
        assert (item.image, item.strokes, item.damaged) == (IMAGE, 5, 0)
        result, _ = replay(item, LabelMap.empty((16, 16)))
        assert np.array_equal(result.labels, states[-1])


def test_a_flipped_bit_in_a_record_costs_that_record_only(tmp_path):
    path, _ = written_journal(tmp_path)
    data = path.read_bytes()
    start = 14 + int.from_bytes(data[6:10], "little")
    ends = [end for _, end in unpack_all(data, start)]
    for at in (*range(ends[1], ends[1] + 29), ends[1] + 40, ends[2] - 1):  # head, body, checksum
        damaged = bytearray(data)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        (item,) = Journal(tmp_path).pending()
        assert (item.strokes, item.damaged) == (4, 1), at
        result, _ = replay(item, LabelMap.empty((16, 16)))
        assert np.array_equal(result.labels, _replayed_without(data, start, 2))


def _replayed_without(data, start, left_out):
    """Independent of `replay`: every record but one, painted in order."""
    labels = np.zeros((16, 16), np.uint8)
    for number, (stroke, _) in enumerate(unpack_all(data, start)):
        if number != left_out:
            part = labels[stroke.rect.slices]
            part[stroke.planes[0].changed] = stroke.planes[0].after
    return labels


def test_a_last_record_that_only_looks_cut_off_is_not_lost(tmp_path):
    """A flipped bit in its length: the record seems to be longer than the file."""
    path, states = written_journal(tmp_path)
    data = path.read_bytes()
    ends = [end for _, end in unpack_all(data, 14 + int.from_bytes(data[6:10], "little"))]
    for bit in range(32):
        damaged = bytearray(data)
        damaged[ends[-2] + 25 + bit // 8] ^= 1 << bit % 8  # "<QIIIIBI": the length is last
        path.write_bytes(damaged)
        (item,) = Journal(tmp_path).pending()
        assert item.strokes + item.damaged == 5, bit
        if not item.damaged:
            result, _ = replay(item, LabelMap.empty((16, 16)))
            assert np.array_equal(result.labels, states[-1])


def test_a_damaged_journal_is_set_aside_once_it_is_restored(tmp_path):
    path, _ = written_journal(tmp_path)
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)
    journal = Journal(tmp_path)
    (item,) = journal.pending()
    journal.discard(item)
    (kept,) = tmp_path.rglob("*.journal")
    assert kept.parent == tmp_path / "set-aside"
    assert kept.read_bytes() == data
    assert Journal(tmp_path).pending() == []


@pytest.mark.parametrize(
    "content",
    [
        b"SEGJ1\n" + b"\x55" * 40 + b"}" * 9,
        b"SEGJ1\n" + b"\x55" * 40,
        b"\0" * 300,
        b"not a journal at all }",
        pytest.param(None, id="a right checksum, keys missing"),
        pytest.param(b"deep", id="a right checksum, deeply nested"),
    ],
)
def test_a_journal_that_cannot_be_read_is_set_aside_and_said(tmp_path, content):
    if content in (None, b"deep"):
        text = b'{"image": "/data/a.png"}' if content is None else b"[" * 90000 + b"]}"
        content = b"SEGJ1\n" + struct.pack("<II", len(text), zlib.crc32(text)) + text
    path = left_behind(tmp_path, content)
    journal = Journal(tmp_path)
    assert journal.pending() == []
    (trouble,) = journal.unreadable
    assert trouble.set_aside
    assert trouble.path.read_bytes() == content
    assert not path.exists()
    again = Journal(tmp_path)
    assert again.pending() == []
    assert again.unreadable == ()  # said once
    assert trouble.path.exists()


@pytest.mark.skipif(os.name == "nt", reason="there are no named pipes")
def test_a_named_pipe_in_the_place_of_a_journal_is_set_aside(tmp_path):
    """Reading one waits for ever, and with it all that comes after it in its lane."""
    path = left_behind(tmp_path)
    path.unlink()
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)  # else a fault here would hang the test
    os.write(writer, b"SEGJ1")
    os.set_blocking(writer, False)
    journal = Journal(tmp_path)
    reader = threading.Thread(target=journal.pending, daemon=True)
    reader.start()
    reader.join(10)
    hung = reader.is_alive()
    os.close(writer)  # ends a read
    reader.join()
    assert not hung
    (trouble,) = journal.unreadable
    assert trouble.set_aside
    assert "named pipe" in trouble.why
    assert not path.exists()


def test_a_journal_that_cannot_be_read_now_stays(tmp_path, monkeypatch):
    path, _ = written_journal(tmp_path)
    real = Path.read_bytes

    def busy(self):
        if self == path:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(self)

    journal = Journal(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", busy)
        assert journal.pending() == []
    (trouble,) = journal.unreadable
    assert (trouble.path, trouble.set_aside) == (path, False)
    assert "open files" in trouble.why
    (item,) = journal.pending()
    assert item.strokes == 5


@pytest.mark.parametrize("level", ["all", "one"])
def test_a_folder_that_cannot_be_listed_is_not_taken_for_empty(tmp_path, monkeypatch, level):
    path, _ = written_journal(tmp_path)
    refused = tmp_path if level == "all" else path.parent
    real = Path.iterdir

    def busy(self):
        if self == refused:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(self)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", busy)
        journal = Journal(tmp_path)
        assert journal.pending() == []
        assert len(journal.unreadable) == (level == "all")
    (item,) = Journal(tmp_path).pending()
    assert item.strokes == 5


def test_records_wait_in_memory_for_space(tmp_path, monkeypatch):
    work, journal = LabelMap.empty((16, 16)), Journal(tmp_path)
    patches = list(itertools.islice(painted(work, np.random.default_rng(9), 99), 3))

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(journal_module.os, "write", full)
        for patch in patches:
            with pytest.raises(SegstudioError, match="disk is full"):
                journal.append(IMAGE, patch, work)
        with pytest.raises(SegstudioError, match="disk is full"):
            journal.retry()
        assert not journal.holds(IMAGE)
    journal.retry()
    assert journal.holds(IMAGE)
    (item,) = crashed(journal).pending()
    assert item.strokes == 3
    result, conflicts = replay(item, LabelMap.empty((16, 16)))
    assert conflicts == 0
    assert np.array_equal(result.labels, work.labels)


def test_what_was_saved_need_not_wait(tmp_path, monkeypatch):
    work, journal = LabelMap.empty((16, 16)), Journal(tmp_path)
    (patch,) = itertools.islice(painted(work, np.random.default_rng(9), 99), 1)
    with monkeypatch.context() as patched:
        patched.setattr(journal_module, "_write_whole", lambda *_: (_ for _ in ()).throw(OSError))
        with pytest.raises(SegstudioError):
            journal.append(IMAGE, patch, work)
    journal.clear(IMAGE)
    assert journal.holds(IMAGE)
    assert crashed(journal).pending() == []


def test_a_full_disk_keeps_the_records_before_it(tmp_path, monkeypatch):
    work, journal = LabelMap.empty((16, 16)), Journal(tmp_path)
    patches = list(painted(work, np.random.default_rng(9), 3))
    journal.append(IMAGE, patches[0], work)
    real = os.write

    def half_then_full(handle, data):
        if len(data) < 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, bytes(data[: len(data) // 2]))

    monkeypatch.setattr(journal_module.os, "write", half_then_full)
    with pytest.raises(SegstudioError, match="disk is full"):
        journal.append(IMAGE, patches[1], work)
    monkeypatch.undo()
    assert not journal.holds(IMAGE)
    journal.append(IMAGE, patches[2], work)
    assert journal.holds(IMAGE)
    (item,) = crashed(journal).pending()
    assert item.strokes == 3  # what could not be written was held, and came first


def test_a_living_program_is_not_offered(tmp_path):
    work, journal = LabelMap.empty((16, 16)), Journal(tmp_path)
    for patch in painted(work, np.random.default_rng(9), 1):
        journal.append(IMAGE, patch, work)
    code = (
        "import sys; from pathlib import Path; from segstudio.storage.journal import Journal\n"
        "print(len(Journal(Path(sys.argv[1])).pending()))"
    )

    def seen_by_another():
        args = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(args, capture_output=True, text=True, check=True).stdout.strip()

    assert seen_by_another() == "0"
    assert journal.pending() == []
    journal.close()
    assert seen_by_another() == "1"


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX systems")
def test_sigkill_in_the_middle_of_painting(tmp_path):
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        import numpy as np
        from segstudio.core.geometry import Rect
        from segstudio.core.labels import LabelMap
        from segstudio.storage.journal import Journal
        work, journal = LabelMap.empty((64, 4096)), Journal(Path(sys.argv[1]))
        for x in range(4096):
            patch = work.paint(Rect(0, x, 64, x + 1), np.ones((64, 1), bool), 1 + x % 3)
            work.apply(patch)
            journal.append(Path("/data/a.png"), patch, work)
            print(x, flush=True)
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    for line in child.stdout:
        if int(line) >= 300:
            child.send_signal(signal.SIGKILL)
            break
    told = 300 + sum(1 for _ in child.stdout)  # said to be recorded before it died
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    (item,) = Journal(tmp_path).pending()
    assert told + 1 <= item.strokes <= told + 2
    result, conflicts = replay(item, LabelMap.empty((64, 4096)))
    expected = np.zeros((64, 4096), np.uint8)
    expected[:, : item.strokes] = 1 + np.arange(item.strokes) % 3
    assert np.array_equal(result.labels, expected)
    assert conflicts == 0


def test_a_full_disk_makes_one_folder_and_leaks_no_file(tmp_path, monkeypatch):
    work, journal = LabelMap.empty((16, 16)), Journal(tmp_path)
    patches = list(itertools.islice(painted(work, np.random.default_rng(9), 99), 6))

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    handles = Path("/proc/self/fd")
    opened = len(list(handles.iterdir())) if handles.exists() else 0
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        for patch in patches:
            with pytest.raises(SegstudioError):
                journal.append(IMAGE, patch, work)
    assert len(list(tmp_path.iterdir())) == 1
    if opened:
        assert len(list(handles.iterdir())) <= opened + 1  # the lock
    journal.retry()
    assert Journal(tmp_path).pending() == []  # held, though its file could not name the process
    (item,) = crashed(journal).pending()
    assert item.strokes == 6


def test_past_a_large_damaged_record_the_next_is_found_at_once(monkeypatch):
    noise = np.random.default_rng(3).integers(0, 200, (600, 600), np.uint8)
    large = Patch(Rect(0, 0, 600, 600), np.zeros((600, 600), np.uint8), noise)
    small = Patch(Rect(0, 0, 1, 2), np.zeros((1, 2), np.uint8), np.ones((1, 2), np.uint8))
    records = bytearray(strokes.pack(large, 1) + strokes.pack(small, 2))
    records[5000] ^= 4
    looks, look = [], strokes._unpack

    def counted(*arguments):
        looks.append(arguments[1])
        return look(*arguments)

    monkeypatch.setattr(strokes, "_unpack", counted)
    found = [stroke for stroke, _ in strokes.unpack_all(bytes(records), 0, (600, 600))]
    assert [stroke and stroke.revision for stroke in found] == [None, 2]
    assert len(looks) < 5
