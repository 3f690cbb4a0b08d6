from __future__ import annotations

from fakes import make_folder

from segstudio.core.schema import ClassSpec
from segstudio.session.session import SchemaOrigin
from segstudio.storage.schema_file import read_schema


def test_a_file_names_the_classes_and_adds_what_is_missing(desk, tmp_path):
    root = make_folder(tmp_path / "set")
    desk.open(root)
    before = desk.session.schema.ids
    assert before == (0, 1)
    desk.schema_keeper.recolor_class(1, (9, 8, 7))
    names = tmp_path / "names.txt"
    names.write_text("sky:1,2,3::\nroad\ncar\n")
    desk.schema_keeper.read_names(names)
    desk.settle()
    schema = desk.session.schema
    assert schema.names == ((0, "sky"), (1, "road"), (2, "car"))
    assert schema.get(0).color == (1, 2, 3)
    assert schema.get(1) == ClassSpec(1, "road", (9, 8, 7))
    assert desk.session.schema_origin is SchemaOrigin.DECLARED
    assert desk.notices.recent[-1].message == "3 classes named as in names.txt."
    desk.clock.advance(1.1)
    desk.settle()
    assert read_schema(root / "masks" / "segstudio.json").names == schema.names


def test_what_cannot_be_read_changes_nothing(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set"))
    before = desk.session.schema
    desk.schema_keeper.read_names(tmp_path / "gone.txt")
    desk.settle()
    assert desk.session.schema == before
    assert desk.notices.recent[-1].level == "error"
