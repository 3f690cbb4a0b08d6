import numpy as np
import pytest
from image_files import save_image
from training_sets import SIDE, squares_folder

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.storage.project import open_project
from segstudio.storage.schema_file import write_schema
from segstudio.storage.states import Mark, save_marked
from segstudio.training.dataset import (
    DataSet,
    joined_classes,
    k_fold,
    split_by_folder,
    split_by_seed,
    split_with_validation,
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))


def folder_with(tmp_path, labels, name="data"):
    """One grey image for each mask."""
    folder = tmp_path / name
    (folder / "masks").mkdir(parents=True)
    for number, mask in enumerate(labels):
        mask = np.asarray(mask, np.uint8)
        save_image(folder / f"i{number}.png", np.full((*mask.shape, 3), 90, np.uint8))
        save_image(folder / "masks" / f"i{number}.png", mask)
    return folder


def test_images_and_their_classes_are_read_as_they_are(tmp_path):
    data = DataSet.open(folder_with(tmp_path, [[[0, 1], [2, 2]], [[1, 1], [0, 2]]]))
    assert data.names == ("i0.png", "i1.png")
    assert data.schema.ids == (0, 1, 2)
    assert data.channels == 3
    sample = data.sample("i0.png")
    assert sample.image.shape == (2, 2, 3)
    assert sample.target.tolist() == [[0, 1], [2, 2]]


def test_an_ignored_id_is_no_class_and_counts_nowhere(tmp_path):
    folder = folder_with(tmp_path, [[[0, 1], [11, 2]], [[1, 1], [0, 11]]])
    data = DataSet.open(folder, ignore=11)
    assert data.schema.ids == (0, 1, 2)
    assert data.channels == 3
    assert data.sample("i0.png").target.tolist() == [[0, 1], [255, 2]]


def test_the_ignore_index_of_the_folders_classes_counts_nowhere(tmp_path):
    folder = folder_with(tmp_path, [[[0, 1], [7, 1]]])
    names = [(0, "ground"), (1, "cell"), (7, "void")]
    schema = LabelSchema(tuple(ClassSpec(i, n, (i, 9, 9)) for i, n in names), 7)
    write_schema(folder / "masks", schema)
    data = DataSet.open(folder)
    assert dict(data.schema.names) == {0: "ground", 1: "cell"}
    assert data.sample("i0.png").target.tolist() == [[0, 1], [255, 1]]


def test_objects_become_things_on_ground(tmp_path):
    folder = tmp_path / "cells"
    (folder / "instances").mkdir(parents=True)
    ids = np.zeros((20, 20), np.uint16)
    ids[2:8, 2:8], ids[10:18, 10:18] = 1, 2
    for name in ("a", "b"):
        save_image(folder / f"{name}.png", np.full((20, 20, 3), 90, np.uint8))
        save_image(folder / "instances" / f"{name}.png", ids)
    data = DataSet.open(folder)
    assert data.schema.ids == (0, 1)
    assert (data.sample("a.png").target == (ids > 0)).all()


def test_images_without_masks_are_left_out_and_said(tmp_path):
    folder = squares_folder(tmp_path / "squares", 3)
    save_image(folder / "more.png", np.zeros((9, 9, 3), np.uint8))
    data = DataSet.open(folder)
    assert len(data.names) == 3
    assert data.notes == ["1 of 4 images have no mask."]


def test_a_folder_without_masks_is_refused_by_name(tmp_path):
    save_image(tmp_path / "bare" / "a.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(SegstudioError, match=r"No image in .*bare has ground truth"):
        DataSet.open(tmp_path / "bare")


def test_a_broken_file_is_named_and_left_out(tmp_path):
    folder = squares_folder(tmp_path / "squares", 3)
    (folder / "sq_01.png").write_bytes(b"no image")
    data = DataSet.open(folder)
    assert data.usable(data.names) == ("sq_00.png", "sq_02.png")
    assert data.names == ("sq_00.png", "sq_02.png")
    assert len(data.notes) == 1
    assert "sq_01.png" in data.notes[0]


def test_a_mask_of_another_size_is_named_and_left_out(tmp_path):
    folder = squares_folder(tmp_path / "squares", 3)
    save_image(folder / "masks" / "sq_02.png", np.ones((5, 5), np.uint8))
    data = DataSet.open(folder)
    assert data.usable(data.names) == ("sq_00.png", "sq_01.png")
    assert "sq_02" in data.notes[0]


def test_only_images_marked_as_done(tmp_path):
    folder = squares_folder(tmp_path / "squares", 3)
    with pytest.raises(SegstudioError, match="marked as done"):
        DataSet.open(folder, done_only=True)
    project = open_project(folder)
    save_marked(project.data_folder, project.root, Mark.REVIEWED, ["sq_01.png"])
    assert DataSet.open(folder, done_only=True).names == ("sq_01.png",)


def test_no_more_images_are_kept_than_fit(tmp_path):
    data = DataSet.open(squares_folder(tmp_path / "squares", 3))
    data.cache_bytes = 2 * SIDE * SIDE * 4
    list(data.samples(data.names))
    assert data.sample("sq_00.png") is data.sample("sq_00.png")
    assert data.sample("sq_02.png") is not data.sample("sq_02.png")


def test_equal_data_has_an_equal_fingerprint(tmp_path):
    first = DataSet.open(squares_folder(tmp_path / "a", 3))
    same = DataSet.open(squares_folder(tmp_path / "b", 3))
    other = DataSet.open(squares_folder(tmp_path / "c", 3, first=1))
    assert first.digest(first.names) == same.digest(same.names)
    assert first.digest(first.names) != other.digest(other.names)


NAMES = [f"n{i:02d}" for i in range(20)]


def test_a_seed_parts_images_the_same_way_in_any_order():
    split = split_by_seed(NAMES, seed=3)
    assert split == split_by_seed(NAMES[::-1], seed=3)
    assert split != split_by_seed(NAMES, seed=4)
    parts = [*split.train, *split.validation, *split.held_out]
    assert sorted(parts) == NAMES
    assert [len(p) for p in (split.train, split.validation, split.held_out)] == [14, 3, 3]


@pytest.mark.parametrize(("count", "train", "held"), [(1, 1, 0), (2, 1, 1), (5, 4, 1)])
def test_few_images_are_judged_by_those_trained_on(count, train, held):
    split = split_by_seed(NAMES[:count])
    assert (len(split.train), len(split.held_out)) == (train, held)
    assert split.validation == split.train
    assert split.seen_in_validation
    assert not {*split.train} & {*split.held_out}


def test_half_of_a_folder_for_validation_is_held_out():
    split = split_with_validation(NAMES[:4], NAMES[4:9])
    assert split.train == tuple(NAMES[:4])
    assert len(split.validation) == 3
    assert len(split.held_out) == 2
    assert sorted([*split.validation, *split.held_out]) == NAMES[4:9]


def test_whole_folders_stay_together():
    names = [f"f{folder}/{i}" for folder in range(5) for i in range(4)]
    split = split_by_folder(names, seed=1)
    of = [{n.partition("/")[0] for n in part} for part in split.to_json().values()]
    assert all(of)
    assert sum(map(len, of)) == len(set().union(*of)) == 5
    assert len({*split.train, *split.validation, *split.held_out}) == 20


def test_two_folders_cannot_be_parted_by_folder():
    with pytest.raises(SegstudioError, match="2 folders"):
        split_by_folder(["a/1", "b/2"])


def test_each_image_is_held_out_in_one_fold():
    folds = k_fold(NAMES[:11], 4, seed=2)
    held = [name for split in folds for name in split.held_out]
    assert sorted(held) == NAMES[:11]
    for split in folds:
        assert not {*split.held_out} & {*split.train, *split.validation}
        assert len({*split.held_out, *split.train, *split.validation}) == 11
    with pytest.raises(SegstudioError, match="3 images"):
        k_fold(NAMES[:3], 4)


def test_folders_with_other_classes_are_not_used_together(tmp_path):
    masks = [[[0, 1], [1, 1]]]
    first, second = (folder_with(tmp_path, masks, name) for name in ("a", "b"))
    for folder, name in ((first, "cell"), (second, "vessel")):
        write_schema(folder / "masks", LabelSchema.from_names(["background", name]))
    with pytest.raises(SegstudioError, match="cell and vessel"):
        joined_classes(DataSet.open(first), DataSet.open(second))
    write_schema(second / "masks", LabelSchema.from_names(["background", "cell"]))
    assert joined_classes(DataSet.open(first), DataSet.open(second)).ids == (0, 1)
