"""Work in another process: what it returns, raises and reports, and how it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripted_work import answer, bad, counting, crash, forever, refuse

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.models.apart import done_apart

ENDED = SegstudioError("It ended by itself.", "Try again.")
LONG = SegstudioError("It took too long.")


def nothing() -> None:
    """Nobody cancels."""


def test_what_it_returns_and_reports():
    told = []
    found = done_apart(answer, 20, nothing, lambda *step: told.append(step), ended=ENDED)
    assert found == {"value": 21, "elsewhere": True, "pid": found["pid"]}
    assert found["pid"] != os.getpid()
    assert told == [(1, 2, "half")]


def test_what_it_raises_keeps_its_words():
    with pytest.raises(SegstudioError) as refused:
        done_apart(refuse, "a.pt", nothing, ended=ENDED)
    assert (refused.value.message, refused.value.hint) == ("a.pt is no good.", "Take another.")
    with pytest.raises(SegstudioError, match="ZeroDivisionError: division by zero"):
        done_apart(bad, 0, nothing, ended=ENDED)


def test_one_that_crashes_takes_nothing_with_it():
    with pytest.raises(SegstudioError, match="It ended by itself"):
        done_apart(crash, None, nothing, ended=ENDED)


def test_one_that_never_ends_is_ended_when_it_is_cancelled_or_too_late(tmp_path):
    file = tmp_path / "pid"

    def check():
        if file.exists() and file.read_text():
            raise CancelledError

    with pytest.raises(CancelledError):
        done_apart(forever, str(file), check, ended=ENDED)
    assert is_gone(int(file.read_text()))
    with pytest.raises(SegstudioError, match="It took too long"):
        done_apart(forever, str(file), nothing, ended=ENDED, most_s=0.5, too_long=LONG)


@pytest.mark.parametrize("has_signals", [True, False])
def test_one_that_is_halted_stands_still_and_its_clock_too(tmp_path, monkeypatch, has_signals):
    if not has_signals:  # as on Windows
        monkeypatch.setattr("segstudio.models.apart._send", lambda *_: None)
    file, since, read = tmp_path / "count", [], []

    def halted():
        if not file.exists() or len(read) > 10:
            return False
        since.append(time.perf_counter())
        if since[-1] - since[0] > 0.2:  # it has had time to halt
            read.append(file.read_text())
        return True

    seconds = done_apart(counting, str(file), nothing, ended=ENDED, halted=halted)
    assert len(set(read)) == 1
    assert seconds == pytest.approx(0.6 + since[-1] - since[0], abs=0.25)


def test_one_that_is_halted_is_ended_when_it_is_cancelled(tmp_path):
    file, asked = tmp_path / "pid", []

    def check():
        if len(asked) > 3:
            raise CancelledError

    def halted():
        if file.exists() and file.read_text():
            asked.append(True)
            return True
        return False

    start = time.monotonic()
    with pytest.raises(CancelledError):
        done_apart(forever, str(file), check, ended=ENDED, halted=halted)
    assert is_gone(int(file.read_text()))
    assert time.monotonic() - start < 4.5  # by a word, not by force


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_one_that_is_halted_ends_with_a_program_that_is_killed(tmp_path):
    file = tmp_path / "pid"
    code = f"""
import os, pathlib, signal, sys
sys.path[:0] = {[str(Path(__file__).parents[1] / "support"), str(Path.cwd())]!r}
from scripted_work import forever
from segstudio.models.apart import done_apart
file, asked = pathlib.Path({str(file)!r}), []
def halted():
    if file.exists() and file.read_text():
        asked.append(1)
    if len(asked) > 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return bool(asked)
if __name__ == "__main__":
    done_apart(forever, str(file), lambda: None, ended=RuntimeError(), halted=halted)
"""
    program = tmp_path / "program.py"
    program.write_text(code)
    ended = subprocess.run([sys.executable, str(program)], check=False, timeout=60)
    assert ended.returncode == -9
    assert is_gone(int(file.read_text()))


def is_gone(pid):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
