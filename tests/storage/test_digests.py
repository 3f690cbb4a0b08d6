"""Digests of files: computed once, and anew when the file is another one."""

from __future__ import annotations

import hashlib
import os

import pytest

from segstudio.storage import digests as module
from segstudio.storage.digests import FileDigests


@pytest.fixture
def reads(monkeypatch):
    """Paths whose content was read."""
    found = []
    computed = module._computed

    def spy(path):
        found.append(path.name)
        return computed(path)

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
