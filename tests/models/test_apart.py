"""Work in another process: what it returns, raises and reports, and how it ends."""

import os
import time

import pytest
from scripted_work import answer, bad, crash, forever, refuse

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


def is_gone(pid):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
