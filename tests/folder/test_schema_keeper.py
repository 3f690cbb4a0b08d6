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


def test_the_number_of_a_removed_class_is_given_to_no_other_while_there_are_others(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set"))
    assert desk.session.schema.ids == (0, 1)
    assert desk.schema_keeper.add_class("a") == 2
    assert desk.schema_keeper.add_class("b") == 3
    desk.schema_keeper.remove_class(3)
    desk.schema_keeper.remove_class(1)
    # masks that were kept before may hold 1 and 3
    assert desk.schema_keeper.add_class("c") == 4
    assert desk.schema_keeper.add_class("d") == 5
    desk.open(make_folder(tmp_path / "other"))
    assert desk.schema_keeper.add_class("a") == 2


def test_the_last_numbers_are_those_between_and_then_of_removed_classes(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set"))
    desk.schema_keeper.add_numbered([3, 253, 254])
    desk.schema_keeper.remove_class(254)
    desk.schema_keeper.remove_class(1)
    numbers = [desk.schema_keeper.add_class("x") for _ in range(252)]
    assert numbers[:2] == [2, 4]
    assert numbers[-3:] == [252, 254, 1]
    assert desk.schema_keeper.add_class("x") == -1
