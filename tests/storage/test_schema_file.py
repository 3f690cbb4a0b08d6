from __future__ import annotations

import json

from segstudio.core.class_rules import ClassRule
from segstudio.core.schema import LabelSchema
from segstudio.storage.schema_file import read_schema, write_schema

MODEL = LabelSchema.from_names(("background", "cat", "dog"))
FOLDER = LabelSchema.from_names(("background", "animal"))
RULE = ClassRule.of(MODEL.names, {0: 0, 1: 1, 2: 1}, "ignored")


def test_rules_come_back(tmp_path):
    schema = FOLDER.with_rule(RULE)
    path = write_schema(tmp_path, schema)
    assert read_schema(path) == schema
    (entry,) = json.loads(path.read_text())["class_mappings"]
    assert entry == {
        "model": {"0": "background", "1": "cat", "2": "dog"},
        "to": {"0": 0, "1": 1, "2": 1},
        "unmapped": "ignored",
    }
    write_schema(tmp_path, FOLDER)
    assert "class_mappings" not in json.loads(path.read_text())
    assert read_schema(path) == FOLDER


def test_what_another_version_wrote_stays(tmp_path):
    path = tmp_path / "segstudio.json"
    strange = {"model": "by colour", "weights": [1, 2]}
    known = {**RULE.to_json(), "author": "A. N."}
    content = {**FOLDER.to_json(), "licence": "CC0", "class_mappings": [strange, known]}
    path.write_text(json.dumps(content))
    schema = read_schema(path)
    assert schema.rules == (RULE,)
    other = ClassRule.of(MODEL.names, {0: 0}, "background")
    write_schema(tmp_path, schema.with_rule(other))
    written = json.loads(path.read_text())
    assert written["licence"] == "CC0"
    assert written["class_mappings"] == [strange, {**known, **other.to_json()}]
    write_schema(tmp_path, FOLDER)
    assert json.loads(path.read_text())["class_mappings"] == [strange]


def test_a_damaged_mapping_is_passed_over(tmp_path, caplog):
    path = tmp_path / "segstudio.json"
    for damaged in (
        {"model": {"0": "a"}, "to": {"0": 300}},
        {"model": {"0": "a"}, "to": {"0": "x"}},
        {"model": {"0": "a"}, "to": {}, "unmapped": "elsewhere"},
        {"to": {}},
        7,
    ):
        path.write_text(json.dumps({**FOLDER.to_json(), "class_mappings": [damaged]}))
        assert read_schema(path) == FOLDER
