"""Values by key in one file: kept, bounded, and never a reason to fail."""

from __future__ import annotations

import threading

from segstudio.storage.key_value import KeyValueFile


def test_values_are_there_at_once_and_after_the_program_ends(tmp_path):
    path = tmp_path / "deep" / "values.sqlite"
    first = KeyValueFile(path)
    assert first.get([b"a"]) == {}
    assert not path.exists()
    first.put({b"a": b"1", b"b": b"2"})
    first.put({b"a": b"3"})
    assert first.get([b"a", b"b", b"c", b"a"]) == {b"a": b"3", b"b": b"2"}
    first.close()
    second = KeyValueFile(path)
    assert second.get([b"a", b"b"]) == {b"a": b"3", b"b": b"2"}
    second.put({b"a": b"4"})
    second.flush()
    assert KeyValueFile(path).get([b"a"]) == {b"a": b"4"}
    second.close()
    assert second.get([b"a"]) == {b"a": b"4"}
    second.close()


def test_more_keys_than_a_query_takes(tmp_path):
    file = KeyValueFile(tmp_path / "values.sqlite")
    values = {b"%d" % i: b"%d" % (2 * i) for i in range(3000)}
    file.put(values)
    file.flush()
    assert file.get(values) == values
    file.close()


def test_past_the_limit_the_rows_written_first_go(tmp_path):
    file = KeyValueFile(tmp_path / "values.sqlite", max_rows=3)
    for i in range(5):
        file.put({b"%d" % i: b"x"})
        file.flush()
    file.put({b"3": b"y"})
    file.flush()
    file.put({b"5": b"x"})
    file.flush()
    file.close()
    found = KeyValueFile(tmp_path / "values.sqlite").get(b"%d" % i for i in range(6))
    assert found == {b"3": b"y", b"4": b"x", b"5": b"x"}


def test_a_broken_file_is_begun_anew(tmp_path):
    path = tmp_path / "values.sqlite"
    path.write_bytes(b"this is no database" * 100)
    file = KeyValueFile(path)
    assert file.get([b"a"]) == {}
    file.put({b"a": b"1"})
    file.flush()
    file.close()
    assert KeyValueFile(path).get([b"a"]) == {b"a": b"1"}


def test_what_cannot_be_written_is_kept_in_memory(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    file = KeyValueFile(tmp_path / "file" / "values.sqlite")
    file.put({b"a": b"1"})
    file.flush()
    assert file.get([b"a"]) == {b"a": b"1"}
    file.close()


def test_two_programs_and_several_threads(tmp_path):
    files = [KeyValueFile(tmp_path / "values.sqlite") for _ in range(2)]

    def write(number):
        file = files[number % 2]
        for i in range(50):
            file.put({b"%d-%d" % (number, i): b"x"})
            file.flush()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = [b"%d-%d" % (n, i) for n in range(4) for i in range(50)]
    assert len(files[0].get(keys)) == 200
    for file in files:
        file.close()
