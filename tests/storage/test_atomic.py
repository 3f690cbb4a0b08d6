from __future__ import annotations

import errno
import os
import re
import stat

import pytest

from segstudio.core.errors import SegstudioError
from segstudio.storage import atomic
from segstudio.storage.atomic import write_atomically


def test_replaces_the_content_and_keeps_the_mode(tmp_path):
    path = tmp_path / "mäsk.png"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["mäsk.png"]


def test_writes_by_a_function(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, lambda file: file.write(b"x" * 10) and None)
    assert path.read_bytes() == b"x" * 10


def test_a_link_is_followed(tmp_path):
    real = tmp_path / "real"
    real.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(real)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "read-only"),
        (errno.EIO, "not saved"),
    ],
)
def test_an_error_while_writing_leaves_the_old_file(tmp_path, monkeypatch, number, word):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(_handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(SegstudioError, match=word) as caught:
        write_atomically(path, b"new")
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_partial_write_by_a_function_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def half(file):
        file.write(b"ne")
        raise RuntimeError("encoder failed")

    with pytest.raises(RuntimeError):
        write_atomically(path, half)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(SegstudioError, match="its folder is gone"):
        write_atomically(tmp_path / "gone" / "a.png", b"new")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(SegstudioError, match="read-only"):
            write_atomically(tmp_path / "a.png", b"new")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("follow_links", [True, False])
def test_a_read_only_file_is_not_replaced(tmp_path, follow_links):
    """The rename would do it, for root and for everyone who may write the folder."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(SegstudioError, match=re.escape(str(path))) as caught:
        write_atomically(path, b"new", follow_links=follow_links)
    assert "read-only" in caught.value.message
    assert "writable" in caught.value.hint
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
    path.chmod(0o644)
    write_atomically(path, b"new", follow_links=follow_links)
    assert path.read_bytes() == b"new"
