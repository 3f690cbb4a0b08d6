from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from segstudio.storage import atomic
from segstudio.storage.atomic import write_atomically


@pytest.fixture(autouse=True)
def _nothing_was_looked_at():
    atomic._next_look.clear()


def aged(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


@pytest.fixture
def killed_writer(tmp_path):
    """The temporary file of a program that was killed while it wrote."""
    code = (
        "import sys, time, pathlib\n"
        "from segstudio.storage.atomic import write_atomically\n"
        "def slow(file):\n"
        "    file.write(b'half'); file.flush(); print('writing', flush=True); time.sleep(60)\n"
        "write_atomically(pathlib.Path(sys.argv[1]), slow)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "zellkörper.png")], stdout=subprocess.PIPE
    )
    assert process.stdout.readline().strip() == b"writing"
    (path,) = [p for p in tmp_path.iterdir() if p.name.endswith(".tmp")]
    yield process, path
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no open file")
def test_what_a_killed_writer_left_goes_when_something_is_saved_there(tmp_path, killed_writer):
    process, left = killed_writer
    aged(left, 3600)
    write_atomically(tmp_path / "a.png", b"x")
    assert left.exists(), "its writer is at work"
    process.send_signal(signal.SIGKILL)
    process.wait()
    atomic._next_look.clear()
    write_atomically(tmp_path / "a.png", b"y")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png"]


def test_a_young_one_is_left_and_looked_at_again(tmp_path):
    young = tmp_path / atomic.temporary_name("b.png")
    young.write_bytes(b"half")
    write_atomically(tmp_path / "a.png", b"x")
    assert young.exists()
    aged(young, 60)
    atomic._next_look[tmp_path] -= atomic._YOUNGEST_SECONDS
    write_atomically(tmp_path / "a.png", b"y")
    assert not young.exists()


def test_files_of_others_are_never_removed(tmp_path):
    own = atomic.temporary_name("a.png")
    foreign = [
        ".a.png.1a2b3c4d.tmp", "a.png.segstudio.tmp", own[1:], own.replace(".segstudio", ""),
        ".x.tmp", ".a.png.XYZ12345.segstudio.tmp", f"{own}.bak", ".segstudio.tmp",
    ]  # fmt: skip
    for name in foreign:
        aged_file = tmp_path / name
        aged_file.write_bytes(b"mine")
        aged(aged_file, 10**6)
    folder = tmp_path / atomic.temporary_name("folder")
    folder.mkdir()
    target = tmp_path / "kept.bin"
    target.write_bytes(b"kept")
    link = tmp_path / atomic.temporary_name("link")
    link.symlink_to(target)
    write_atomically(tmp_path / "a.png", b"x")
    assert {p.name for p in tmp_path.iterdir()} == {
        *foreign, folder.name, link.name, "kept.bin", "a.png",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a" * 250, "细胞核" * 27 + "像", "клетка" * 20, "naïve" * 40])
def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path, name):
    path = tmp_path / f"{name}.png"
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"
    assert len(os.fsencode(atomic.temporary_name(path.name))) <= 143


def test_the_temporary_name_of_a_name_that_is_not_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    write_atomically(path, b"x")
    assert os.listdir(os.fsencode(tmp_path)) == [b"caf\xe9.png"]  # noqa: PTH208
