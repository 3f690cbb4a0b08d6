"""`segstudio evaluate` leaves out the pixels of the ground truth that the model wrote itself."""

from __future__ import annotations

import json

import numpy as np
import pytest
from commands import evaluate, save

from segstudio.core.provenance import ModelWriter, WriterTable
from segstudio.storage.formats.png import encode_index_png


@pytest.fixture
def sides(tmp_path):
    """Predictions of "mine" beside truth of which it wrote the first row and "other" the second.

    Both rows are right; of the third, which a person wrote, half is.
    """
    pred, data = tmp_path / "pred", tmp_path / "data"
    save(data / "masks" / "a_mask.png", [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]])
    save(pred / "a.png", [[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0]])
    (pred / "segstudio.json").write_text(
        json.dumps(
            {
                "classes": [{"id": 0, "name": "background"}, {"id": 1, "name": "cell"}],
                "predict": {"model": "mine"},
            }
        )
    )
    write_map(data / "provenance" / "a.png", [[4] * 4, [3] * 4, [1] * 4])
    return pred, data / "masks"


def write_map(path, rows):
    table = WriterTable([ModelWriter("other", "Other"), ModelWriter("mine", "Mine")])
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {"Writers": json.dumps(table.to_json())}
    path.write_bytes(encode_index_png(np.array(rows, np.uint8), texts=texts))


def report(capsys, *arguments):
    code, out, _ = evaluate(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_it_is_left_out_and_said(capsys, sides):
    found = report(capsys, *sides)
    cell = found["classes"][1]
    # rows 2 and 3: three of them in both, one missed, one invented
    assert cell["iou"] == pytest.approx(3 / 5)
    assert (found["pixels"], found["ignored_pixels"]) == (8, 4)
    assert found["own_pixels_left_out"] == 4
    note = "“mine” is measured without 33 % of the pixels: it wrote them itself."
    assert [n for n in found["notes"] if n.startswith(note)]
    code, out, _ = evaluate(capsys, *sides)
    assert code == 0
    assert note in " ".join(out.split())


def test_all_counts_where_that_is_asked_for_or_nobody_knows_whose_masks_they_are(capsys, sides):
    everything = report(capsys, *sides, "--with-own-pixels")
    assert everything["classes"][1]["iou"] == pytest.approx(5 / 7)
    assert everything["own_pixels_left_out"] == 0
    (sides[0] / "segstudio.json").unlink()
    assert report(capsys, *sides)["classes"][1]["iou"] == pytest.approx(5 / 7)


def test_masks_in_sub_folders_have_their_maps_in_the_same(capsys, sides, tmp_path):
    pred, masks = sides
    (pred / "x").mkdir()
    (pred / "a.png").rename(pred / "x" / "a.png")
    (masks / "x").mkdir()
    (masks / "a_mask.png").rename(masks / "x" / "a_mask.png")
    maps = tmp_path / "data" / "provenance"
    (maps / "x").mkdir()
    (maps / "a.png").rename(maps / "x" / "a.png")
    assert report(capsys, *sides)["own_pixels_left_out"] == 4


def test_a_map_of_another_size_is_told_and_all_counts(capsys, sides, tmp_path):
    write_map(tmp_path / "data" / "provenance" / "a.png", [[4]])
    found = report(capsys, *sides)
    assert found["classes"][1]["iou"] == pytest.approx(5 / 7)
    told = [n for n in found["notes"] if "1 x 1 pixels, but its image is 4 x 3." in n]
    assert len(told) == 1
    assert told[0].endswith("a_mask.png count.")
