"""Weights that a user opened stay in the list, are found by their content, and can be managed."""

from __future__ import annotations

import json
import shutil

import pytest
from fakes import BLOBS, BRIGHT, FakeEngine, make_folder
from tiny_networks import UNET

from segstudio.core.errors import SegstudioError
from segstudio.runs.batch import run_key
from segstudio.runs.kept_weights import known_file, own_weights_file, read_kept, write_kept


@pytest.fixture
def mine(tmp_path):
    """A file of weights; only its bytes count."""
    file = tmp_path / "mine.pt"
    file.write_bytes(b"weights")
    return file


@pytest.fixture
def opened(desk, mine):
    """The desk with the file opened."""
    desk.own_weights.open(mine)
    desk.settle()
    return desk


def kept_in(desk):
    return read_kept(own_weights_file(desk.preferences.folders))


def reopened(desk, new_desk):
    desk.close()
    return new_desk()


def test_a_file_stays_in_the_list_and_chosen_after_a_restart(opened, new_desk, mine):
    assert opened.session.model.chosen == "mine"
    assert opened.messages == ["Own mine is ready to run."]
    later = reopened(opened, new_desk)
    assert list(later.session.models) == ["bright", "blobs", "mine"]
    assert later.session.model.chosen == "mine"
    assert "mine" in later.session.model.available
    assert later.session.models["mine"].weights.filename == str(mine)


def test_the_list_tells_the_sha256_of_the_content(opened):
    import hashlib

    (entry,) = kept_in(opened)
    assert entry.file.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert entry.file.size == 7
    assert entry.tensors == 4


def test_all_that_describes_a_model_is_kept(opened, new_desk):
    from dataclasses import replace

    spec = opened.session.models["mine"]
    said = replace(
        spec,
        title="Nuclei of 2025",
        schema=BLOBS.schema,
        options={"depth": 4},
        preprocess={"scaling": "percentile", "mean": [0.5, 0.5, 0.5]},
        description="Trained on 40 slides.",
        metrics={"iou": 0.81},
        licence="CC BY 4.0",
    )
    opened.own_weights.describe("mine", said)
    opened.settle()
    later = reopened(opened, new_desk)
    assert later.session.models["mine"] == said


def test_a_moved_file_is_missing_until_it_is_opened_from_its_new_place(
    opened, new_desk, mine, tmp_path
):
    opened.own_weights.rename("mine", "Nuclei")
    opened.settle()
    moved = mine.rename(tmp_path / "best.pt")
    later = reopened(opened, new_desk)
    assert "mine" in later.session.models
    assert "mine" not in later.session.model.available
    assert later.own_weights.is_missing("mine")
    later.own_weights.open(moved)
    later.settle()
    assert list(later.session.models) == ["bright", "blobs", "mine"]
    spec = later.session.models["mine"]
    assert (spec.title, spec.weights.filename) == ("Nuclei", str(moved))
    assert "mine" in later.session.model.available
    again = reopened(later, new_desk)
    assert again.session.models["mine"].weights.filename == str(moved)


def test_a_missing_file_is_found_by_hand_if_it_is_the_same(opened, mine, tmp_path):
    other = tmp_path / "other.pt"
    other.write_bytes(b"other weights")
    moved = mine.rename(tmp_path / "moved.pt")
    opened.own_weights.look_again()
    opened.settle()
    assert opened.own_weights.is_missing("mine")
    opened.own_weights.find("mine", other)
    opened.settle()
    assert opened.own_weights.is_missing("mine")
    assert opened.messages[-1] == (
        "other.pt is not the file that Own mine was: its content differs."
    )
    opened.own_weights.find("mine", moved)
    opened.settle()
    assert not opened.own_weights.is_missing("mine")
    assert opened.session.models["mine"].weights.filename == str(moved)


def test_running_a_missing_file_says_which_and_what_to_do(opened, mine, tmp_path):
    opened.engine.is_available = lambda spec: spec.own_file == ""
    mine.unlink()
    opened.open(make_folder(tmp_path / "nuclei"))

    def download(spec, check, report):
        from segstudio.models.weights import download as fetch

        fetch(spec, check, report)

    opened.engine.download = download
    opened.segmenting.run_current()
    opened.settle()
    notice = opened.notices.recent[-1]
    assert notice.message == f"{mine} is not there any more."
    assert notice.hint.startswith("Put the file back")


def test_a_file_written_anew_is_read_again_before_it_runs(opened, mine, tmp_path):
    opened.open(make_folder(tmp_path / "nuclei"))
    opened.segmenting.run_on([0])
    opened.settle()
    before = opened.session.models["mine"].weights.sha256
    mine.write_bytes(b"trained further")
    opened.segmenting.run_on([0])
    opened.settle()
    assert opened.engine.runs == ["mine"] * 2
    assert opened.session.models["mine"].weights.sha256 != before
    assert len(opened.document.predictions) == 2
    assert "mine.pt was written anew; Own mine runs it now." in opened.messages


def test_a_touched_file_is_the_same_one(opened, mine, tmp_path):
    import os

    opened.open(make_folder(tmp_path / "nuclei"))
    opened.segmenting.run_on([0])
    opened.settle()
    os.utime(mine, (1, 1))
    opened.segmenting.run_on([0])
    opened.settle()
    assert opened.engine.runs == ["mine"]


def test_another_description_is_another_run(opened):
    from dataclasses import replace

    spec = opened.session.models["mine"]
    options = opened.session.model.options
    keys = {
        run_key(spec, options),
        run_key(replace(spec, preprocess={"scaling": "none"}), options),
        run_key(replace(spec, schema=WIDE), options),
    }
    assert len(keys) == 3
    assert run_key(replace(spec, title="Other"), options) == run_key(spec, options)


WIDE = BRIGHT.schema.with_class(BRIGHT.schema.classes[1].__class__(1, "cell", (1, 2, 3)))


def test_two_files_of_one_name_are_two_models(opened, tmp_path):
    other = tmp_path / "elsewhere" / "mine.pt"
    other.parent.mkdir()
    other.write_bytes(b"other weights")
    opened.own_weights.open(other)
    opened.settle()
    models = opened.session.models
    assert list(models) == ["bright", "blobs", "mine", "mine-2"]
    assert len({spec.title.casefold() for spec in models.values()}) == 4


def test_a_removed_model_can_be_brought_back_and_its_file_stays(opened, new_desk, mine):
    bring_back = opened.own_weights.remove("mine")
    opened.settle()
    assert "mine" not in opened.session.models
    assert opened.session.model.chosen == "bright"
    assert kept_in(opened) == []
    assert mine.exists()
    bring_back()
    opened.settle()
    assert opened.session.model.chosen == "mine"
    assert "mine" in reopened(opened, new_desk).session.models


def test_what_is_not_ones_own_cannot_be_removed(opened):
    with pytest.raises(SegstudioError, match="Only weights of your own"):
        opened.own_weights.remove("bright")


def test_a_model_that_a_named_run_is_made_of_stays(opened):
    opened.named_runs.add_variant("Twice", "mine", input_scale=2.0)
    with pytest.raises(SegstudioError, match="is part of Twice"):
        opened.own_weights.remove("mine")


def test_a_named_run_follows_the_description_of_its_model(opened, new_desk):
    from dataclasses import replace

    run = opened.named_runs.add_variant("Twice", "mine", input_scale=2.0)
    said = replace(opened.session.models["mine"], preprocess={"scaling": "none"})
    opened.own_weights.describe("mine", said)
    opened.settle()
    assert opened.session.models[run].made_of.base.preprocess == {"scaling": "none"}
    later = reopened(opened, new_desk)
    assert later.session.models[run].made_of.base.preprocess == {"scaling": "none"}


def test_a_named_run_of_a_missing_file_cannot_run_either(opened, new_desk, mine):
    run = opened.named_runs.add_variant("Twice", "mine", input_scale=2.0)
    assert run in opened.session.model.available
    mine.unlink()
    opened.own_weights.look_again()
    opened.settle()
    assert run not in opened.session.model.available
    assert run not in reopened(opened, new_desk).session.model.available


@pytest.mark.parametrize(
    ("title", "message"),
    [("  ", "needs a name"), ("bright", "called bright already")],
)
def test_a_name_must_tell_models_apart(opened, title, message):
    with pytest.raises(SegstudioError, match=message):
        opened.own_weights.rename("mine", title)
    assert opened.session.models["mine"].title == "Own mine"


def test_the_form_is_asked_for_where_the_file_says_nothing(new_desk, mine, tmp_path):
    engine = FakeEngine()
    engine.is_told = False
    desk = new_desk(engine)
    asked = []
    desk.own_weights.ask = asked.append
    desk.own_weights.open(mine)
    desk.settle()
    (opened,) = asked
    assert (opened.is_new, opened.is_told, opened.entry.tensors) == (True, False, 4)
    assert "mine" not in desk.session.models  # nothing is kept before it is described
    desk.own_weights.take(opened)
    desk.own_weights.open(mine)
    desk.settle()
    assert len(asked) == 1
    assert desk.session.model.chosen == "mine"
    desk.own_weights.describe_again("mine")
    desk.settle()
    assert not asked[1].is_new


def test_a_damaged_list_is_kept_beside_and_told(new_desk, tmp_path):
    file = tmp_path / "home" / "data" / "own-weights.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    desk = new_desk()
    assert file.with_suffix(".damaged").read_text() == "{"
    assert "own-weights.json is damaged" in desk.messages[0]


@pytest.mark.parametrize(
    "entry",
    [
        3, {}, {"id": "a"},
        {"path": "relative.pt"}, {"sha256": "12"}, {"schema": {"classes": 4}}, {"size": "x"},
        {"task": "guessing"}, {"title": ""},
    ],
)  # fmt: skip
def test_entries_that_make_no_sense_are_left_out(opened, entry):
    file = own_weights_file(opened.preferences.folders)
    whole = json.loads(file.read_text())
    bad = entry if not isinstance(entry, dict) or len(entry) == 0 else {**whole[0], **entry}
    if entry == {"id": "a"}:
        bad = entry
    file.write_text(json.dumps([bad, *whole]))
    content = file.read_bytes()
    told = []
    assert [e.spec.id for e in read_kept(file, told.append)] == ["mine"]
    kept = file.with_suffix(".damaged")
    assert told == [
        (
            f"1 of 2 entries in {file} cannot be understood and is left out. "
            f"A copy of the whole file is kept as {kept}."
        )
    ]
    assert file.read_bytes() == kept.read_bytes() == content
    assert [e.spec.id for e in read_kept(file, told.append)] == ["mine"]
    assert len(told) == 1  # the same file is not told again
    write_kept(file, read_kept(file))
    assert kept.read_bytes() == content


def test_entries_that_make_no_sense_are_told_in_the_window(opened, new_desk):
    file = own_weights_file(opened.preferences.folders)
    opened.close()
    content = json.dumps([*json.loads(file.read_text()), {"id": "older"}])
    file.write_text(content)
    again = new_desk()
    assert [text for text in again.messages if str(file) in text] == [again.messages[0]]
    assert again.messages[0].startswith("1 of 2 entries in ")
    again.own_weights.rename("mine", "Other")
    again.settle()
    assert "older" not in file.read_text()
    assert file.with_suffix(".damaged").read_text() == content


def test_a_file_is_described_as_it_was_said_wherever_it_lies(opened, mine, tmp_path):
    opened.own_weights.rename("mine", "Nuclei")
    opened.settle()
    copy = shutil.copy(mine, tmp_path / "copy.pt")
    found = known_file(tmp_path / "copy.pt", kept_in(opened))
    assert (found.id, found.title, found.weights.filename) == ("mine", "Nuclei", str(copy))
    assert known_file(mine, kept_in(opened)).title == "Nuclei"
    (tmp_path / "new.pt").write_bytes(b"?")
    assert known_file(tmp_path / "new.pt", kept_in(opened)) is None
    assert known_file(tmp_path / "gone.pt", kept_in(opened)) is None


def test_the_real_engine_says_how_much_of_a_file_it_loaded(tiny_specs, tmp_path, tiny_engine):
    path = tmp_path / "mine.safetensors"
    shutil.copy(tiny_specs[UNET].weights.filename, path)
    found = tiny_engine.examine(path, lambda: None)
    import torch

    from segstudio.models.checkpoints import load_state

    assert found.tensors == len(load_state(path))
    assert found.problem == ""
    assert torch.is_tensor(next(iter(load_state(path).values())))


def test_a_look_that_was_begun_before_a_file_was_found_does_not_take_it_away(
    opened, mine, tmp_path
):
    moved = mine.rename(tmp_path / "moved.pt")
    opened.own_weights.look_again()
    opened.settle()
    opened.own_weights.find("mine", moved)
    opened.own_weights.look_again()  # as coming back from the dialog does
    opened.settle()
    assert opened.session.models["mine"].weights.filename == str(moved)
    assert not opened.own_weights.is_missing("mine")


def network_in(folder, **config):
    """A folder as libraries of networks write it; only its names and bytes count."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.mark.parametrize("config", [{"architectures": ["X"]}, {"_model_class": "Unet"}])
def test_a_folder_with_a_network_and_no_images_is_opened_as_weights(desk, tmp_path, config):
    desk.open(network_in(tmp_path / "segformer", **config))
    assert desk.session.project is None
    assert desk.session.model.chosen == "segformer"
    assert desk.messages == ["Own segformer is ready to run."]


def test_the_cache_of_hugging_face_is_opened_at_its_newest_network(desk, tmp_path):
    cache = tmp_path / "models--org--net"
    for name in ("0aaa", "9fff", "1bbb"):
        network_in(cache / "snapshots" / name, architectures=["X"])
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("9fff")
    desk.open(cache)
    assert desk.session.model.chosen == "9fff"


def test_of_a_folder_with_images_and_a_network_both_can_be_opened(desk, tmp_path):
    folder = make_folder(tmp_path / "both")
    shutil.copytree(network_in(tmp_path / "net", architectures=["X"]), folder, dirs_exist_ok=True)
    desk.open(folder)
    assert desk.session.project.root == folder
    (notice,) = [n for n in desk.studio.notices.recent if "network" in n.message]
    assert notice.message == "both has a network besides its images."
    title, act = notice.action
    assert title == "Open the network"
    act()
    desk.settle()
    assert desk.session.model.chosen == "both"
    assert desk.session.project.root == folder


def test_a_folder_with_neither_images_nor_weights_is_said_as_before(desk, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    desk.open(folder)
    assert [m for m in desk.messages if f"There are no images in {folder}" in m]


def test_a_folder_of_hugging_face_without_its_weights_is_said_by_what_it_lacks(tmp_path):
    from segstudio.models.hub_folder import network_folder

    folder = network_in(tmp_path / "net", architectures=["X"])
    (folder / "model.safetensors").unlink()
    assert network_folder(folder) == folder
    assert network_folder(folder / "notes.txt") is None
