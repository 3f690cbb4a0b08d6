"""What a save may touch: the folder that was opened, and nothing that its links lead to."""

from __future__ import annotations

import os

import numpy as np
import pytest
from image_files import save_image
from PIL import Image

from segstudio.core.schema import LabelSchema
from segstudio.storage.masks import write_annotation
from segstudio.storage.project import open_project
from segstudio.storage.schema_file import write_schema
from segstudio.storage.write_root import FolderGoneError, OutsideLinkError, WriteRoot

SCHEMA = LabelSchema.from_names(("background", "nucleus"))
LABELS = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)
IDS = np.array([[0, 7, 7], [9, 0, 0]], np.uint16)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")


@pytest.fixture
def project(tmp_path):
    """A data set with one image of 3 x 2 pixels, and a file of the user's beside it."""
    root = tmp_path / "set"
    save_image(root / "x.png", np.full((2, 3, 3), 90, np.uint8))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "notes.txt").write_text("mine")
    return open_project(root)


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "outside" / "notes.txt"


def save(project, ids=None, **how):
    return write_annotation(project.root, project.images[0], LABELS, ids, SCHEMA, **how)


def files_below(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())


@pytest.mark.parametrize("linked", ["masks/x.png", "masks/segstudio.json", "instances/x.png"])
def test_a_file_that_is_a_link_out_of_the_folder_is_not_written_through(project, notes, linked):
    link = project.root / linked
    link.parent.mkdir()
    link.symlink_to(notes)
    with pytest.raises(OutsideLinkError) as caught:
        save(project, IDS)
    assert notes.read_text() == "mine"
    assert str(link) in caught.value.message
    assert str(notes) in caught.value.message
    assert caught.value.remedy == "replace"
    assert link.is_symlink()
    assert files_below(notes.parent) == ["notes.txt"]
    # Agreed: the link makes place for the file; what it led to stays as it is.
    save(project, IDS, agreed=frozenset({link}))
    assert notes.read_text() == "mine"
    assert not link.is_symlink()
    assert np.array_equal(np.asarray(Image.open(project.root / "masks" / "x.png")), LABELS)
    assert np.array_equal(np.asarray(Image.open(project.root / "instances" / "x.png")), IDS)


def test_the_original_behind_a_replaced_link_is_kept(project, tmp_path):
    foreign = save_image(tmp_path / "outside" / "gt.png", LABELS[::-1].copy())
    before = foreign.read_bytes()
    link = project.root / "masks" / "x.png"
    link.parent.mkdir()
    link.symlink_to(foreign)
    save(project, agreed=frozenset({link}))
    assert foreign.read_bytes() == before
    assert (link.parent / ".originals" / "x.png").read_bytes() == before


@pytest.mark.parametrize("linked", ["masks", "instances", "masks/.originals"])
def test_a_folder_that_is_a_link_out_of_the_folder_is_asked_for(project, tmp_path, linked):
    save_image(project.root / "masks" / "x.png", LABELS[::-1].copy())
    link = project.root / linked
    if linked == "masks":
        (project.root / "masks" / "x.png").unlink()
        link.rmdir()
    link.symlink_to(tmp_path / "outside")
    with pytest.raises(OutsideLinkError) as caught:
        save(project, IDS)
    assert caught.value.link == link
    assert caught.value.remedy == "follow"
    assert files_below(tmp_path / "outside") == ["notes.txt"]
    save(project, IDS, agreed=frozenset({link}))
    assert link.is_symlink()
    assert (tmp_path / "outside" / "x.png").exists()


def test_agreeing_to_a_folder_is_not_agreeing_to_its_links(project, tmp_path, notes):
    store = tmp_path / "store"
    store.mkdir()
    (project.root / "masks").symlink_to(store)
    (store / "x.png").symlink_to(notes)
    with pytest.raises(OutsideLinkError) as caught:
        save(project, agreed=frozenset({project.root / "masks"}))
    assert caught.value.link == project.root / "masks" / "x.png"
    assert notes.read_text() == "mine"


def test_a_dangling_link_makes_no_file_outside(project, tmp_path):
    link = project.root / "masks" / "x.png"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "outside" / "new.png")
    with pytest.raises(OutsideLinkError):
        save(project)
    assert files_below(tmp_path / "outside") == ["notes.txt"]


def test_a_link_from_file_to_file_inside_the_folder_is_followed(project):
    real = save_image(project.root / "masks" / "by hand" / "x1.png", LABELS[::-1].copy())
    link = project.root / "masks" / "x.png"
    link.symlink_to("by hand/x1.png")
    save(project)
    assert link.is_symlink()
    assert np.array_equal(np.asarray(Image.open(real)), LABELS)


@pytest.mark.parametrize(("linked", "to"), [("masks/x.png", "../x.png"), ("masks", ".")])
def test_no_link_leads_a_mask_onto_a_photo(project, linked, to):
    photo = (project.root / "x.png").read_bytes()
    link = project.root / linked
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(to)
    with pytest.raises(OutsideLinkError, match="to the images") as caught:
        save(project)
    assert (project.root / "x.png").read_bytes() == photo
    if caught.value.remedy:
        save(project, agreed=frozenset({link}))
        assert not link.is_symlink()
        assert (project.root / "x.png").read_bytes() == photo
    else:
        with pytest.raises(OutsideLinkError):
            save(project, agreed=frozenset({link}))


def test_instance_ids_behind_a_link_are_not_deleted(project, tmp_path):
    save(project, IDS)
    (project.root / "instances").rename(tmp_path / "outside" / "instances")
    (project.root / "instances").symlink_to(tmp_path / "outside" / "instances")
    with pytest.raises(OutsideLinkError):
        save(project, None)
    assert (tmp_path / "outside" / "instances" / "x.png").exists()


def test_a_data_set_opened_through_a_link_is_written_to(project, tmp_path):
    (tmp_path / "alias").symlink_to(project.root)
    through = open_project(tmp_path / "alias")
    save(through, IDS, identity=through.identity)
    assert files_below(project.root) == [
        "instances/x.png", "masks/segstudio.json", "masks/x.png", "x.png",
    ]  # fmt: skip


@pytest.mark.parametrize("what", ["renamed", "removed"])
def test_a_folder_that_is_gone_is_not_made_anew(project, tmp_path, what):
    if what == "renamed":
        project.root.rename(tmp_path / "moved")
    else:
        (project.root / "x.png").unlink()
        project.root.rmdir()
    with pytest.raises(FolderGoneError, match="is gone"):
        save(project, IDS, identity=project.identity)
    assert not project.root.exists()


def test_an_empty_mount_point_is_not_the_folder(project, tmp_path):
    project.root.rename(tmp_path / "moved")
    project.root.mkdir()  # what is left where a drive was mounted
    with pytest.raises(FolderGoneError, match="another folder"):
        save(project, IDS, identity=project.identity)
    assert list(project.root.iterdir()) == []


def test_the_same_folder_with_another_number_is_still_the_folder(project):
    """FAT and some network drives number their folders anew at each mount."""
    device, number = project.identity
    save(project, identity=(device, number + 1))
    assert (project.root / "masks" / "x.png").exists()


def test_an_image_that_was_deleted_does_not_stop_its_mask(project):
    (project.root / "x.png").unlink()
    save(project, identity=project.identity)
    assert (project.root / "masks" / "x.png").exists()


def test_the_classes_are_not_written_out_of_the_folder_either(project, notes):
    masks = project.root / "masks"
    masks.mkdir()
    (masks / "segstudio.json").symlink_to(notes)
    with pytest.raises(OutsideLinkError):
        write_schema(masks, SCHEMA, WriteRoot(project.root))
    assert notes.read_text() == "mine"


def test_a_chain_of_links_and_a_loop(project, tmp_path, notes):
    masks = project.root / "masks"
    masks.mkdir()
    (masks / "x.png").symlink_to("y.png")
    (masks / "y.png").symlink_to(notes)
    with pytest.raises(OutsideLinkError):
        save(project)
    assert notes.read_text() == "mine"
    (masks / "y.png").unlink()
    (masks / "y.png").symlink_to("x.png")
    save(project)  # a loop holds nothing that could be lost
    assert np.array_equal(np.asarray(Image.open(masks / "x.png")), LABELS)
