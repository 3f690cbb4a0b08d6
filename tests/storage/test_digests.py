"""Digests of files: computed once, and anew when the file is another one."""

from __future__ import annotations

import hashlib
import os

import pytest

from segstudio.core.errors import CancelledError
from segstudio.storage import digests as module
from segstudio.storage.digests import FileDigests


@pytest.fixture
def reads(monkeypatch):
    """Paths whose content was read."""
    found = []
    computed = module._computed

    def spy(path, check):
        found.append(path.name)
        return computed(path, check)

    monkeypatch.setattr(module, "_computed", spy)
    return found


def test_a_file_is_read_once_while_it_stays_as_it_is(tmp_path, reads):
    image = tmp_path / "a.png"
    image.write_bytes(b"pixels")
    digests = FileDigests(tmp_path / "digests.sqlite")
    expected = hashlib.blake2b(b"pixels", digest_size=16).hexdigest()
    assert digests.of(image) == expected
    digests.close()
    again = FileDigests(tmp_path / "digests.sqlite")
    assert again.of(image) == expected
    assert reads == ["a.png"]
    assert again.known([image, tmp_path / "b.png"]) == {image: expected}
    again.close()


def test_a_changed_file_is_read_again(tmp_path, reads):
    image = tmp_path / "a.png"
    image.write_bytes(b"pixels")
    digests = FileDigests(tmp_path / "digests.sqlite")
    before = digests.of(image)
    image.write_bytes(b"others")
    os.utime(image, ns=(7, 7))
    assert digests.known([image]) == {}
    assert digests.of(image) != before
    image.unlink()
    assert digests.of(image) is None
    assert digests.known([image]) == {}
    digests.close()


def test_names_that_are_no_text(tmp_path):
    image = tmp_path / os.fsdecode(b"\xff\xfe.png")
    try:
        image.write_bytes(b"pixels")
    except OSError:
        pytest.skip("this disk has no such names")
    digests = FileDigests(tmp_path / "digests.sqlite")
    assert digests.known([image]) == {}
    digest = digests.of(image)
    assert digests.known([image]) == {image: digest}
    digests.close()


def test_a_folder_changes_with_what_is_in_it(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    (folder / "1.png").write_bytes(b"a")
    digests = FileDigests(tmp_path / "digests.sqlite")
    first = digests.of(folder)
    assert first == digests.of(folder)
    (folder / "2.png").write_bytes(b"b")
    second = digests.of(folder)
    os.utime(folder / "1.png", ns=(1, 1))
    third = digests.of(folder)
    assert len({first, second, third, None}) == 4
    digests.close()


def test_a_large_new_file_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_A_MOMENT_BYTES", 10)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"0123456789")
    large.write_bytes(b"0123456789a")
    known = FileDigests(tmp_path / "digests")
    assert known.at_hand(small) == known.of(small)
    assert known.at_hand(large) is None
    whole = known.of(large)
    assert whole is not None
    assert known.at_hand(large) == whole  # remembered now
    known.close()


def test_reading_a_large_file_can_be_given_up(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(3 << 20))
    seen = []

    def check():
        seen.append(1)
        if len(seen) == 2:
            raise CancelledError

    known = FileDigests(tmp_path / "digests")
    with pytest.raises(CancelledError):
        known.of(path, check)
    assert known.known([path]) == {}
    assert known.of(path) == hashlib.blake2b(bytes(3 << 20), digest_size=16).hexdigest()
    known.close()
