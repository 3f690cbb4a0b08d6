"""A stroke changes the stroke's pixels in the file and nothing else of it, whatever its form."""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from image_files import save_image
from PIL import Image, PngImagePlugin
from slow_cases import few

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.storage import schema_file
from segstudio.storage.annotations import Annotations
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.project import open_project
from segstudio.storage.truth import TruthIndex, read_truth
from segstudio.storage.write_root import WriteRoot

SHAPE = (8, 12)
STROKE = (slice(2, 5), slice(7, 10))
"""Nine pixels of background in every mask here."""


def classes(objects: int = 2) -> np.ndarray:
    """Background with blocks of 1, 2, ... at the left."""
    labels = np.zeros(SHAPE, np.uint8)
    for number in range(1, objects + 1):
        labels[1:4, 2 * number - 2 : 2 * number] = number
    return labels


def palette_png(path: Path, values: np.ndarray, colors: list[int], bits: int = 8) -> None:
    image = Image.fromarray(values)
    image.putpalette(colors)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Software", "GIMP")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, bits=bits, pnginfo=texts, dpi=(300, 300))


def png(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def tiff(path: Path, values: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, values, **options)


def native(path: Path) -> tuple[np.ndarray, object]:
    """Values as PIL or tifffile give them, and all else that they tell of the form."""
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            colors = None if page.colormap is None else page.colormap.tolist()
            kind = (page.photometric, page.bitspersample, page.samplesperpixel, page.description)
            pages = [p.asarray().tolist() for p in file.pages[1:]]
            return page.asarray(), (kind, colors, page.dtype, pages)
    with Image.open(path) as image:
        text = dict(getattr(image, "text", {}))
        form = (image.format, image.mode, image.getpalette(), text, image.info.get("dpi"))
        bits = path.read_bytes()[24] if image.format == "PNG" else 0
        return np.array(image), (form, bits)


@dataclass(frozen=True)
class Form:
    """How a data set's masks are written, and what a stroke with a class or an object gives."""

    write: Callable[[Path, np.ndarray], None]
    file: str
    painted: object
    """The value that the stroke's pixels have in the file."""
    objects: bool = False
    """Whether the file holds object ids: the stroke is object 3."""


VOC = [0, 0, 0, 128, 0, 0, 0, 128, 0]
COLORS = np.array([[0, 0, 0], [200, 10, 10], [10, 200, 10], [10, 10, 200]], np.uint8)

FORMS = {
    "8 bit ids": Form(lambda p, v: png(p, v), "masks/a.png", 1),
    "8 bit palette": Form(lambda p, v: palette_png(p, v, VOC), "masks/a.png", 1),
    "2 bit palette": Form(lambda p, v: palette_png(p, v, VOC, 2), "labels/a_mask.png", 1),
    "0 and 1": Form(lambda p, v: png(p, (v > 0).astype(np.uint8)), "masks/a.png", 1),
    "0 and 255": Form(lambda p, v: png(p, np.uint8(255) * (v > 0)), "masks/a.png", 255),
    "1 bit": Form(lambda p, v: png(p, v > 0), "masks/a.png", True),
    "16 bit ids in masks": Form(
        lambda p, v: png(p, v.astype(np.uint16) * 300), "masks/a.png", 3, objects=True
    ),
    "16 bit ids in instances": Form(
        lambda p, v: png(p, v.astype(np.uint16)), "instances/a.png", 3, objects=True
    ),
    "8 bit ids in instances": Form(lambda p, v: png(p, v), "instances/a.png", 3, objects=True),
    "colours": Form(lambda p, v: png(p, COLORS[v]), "masks/a.png", [10, 200, 10]),
    "TIFF": Form(lambda p, v: tiff(p, v, compression="lzw"), "masks/a.tif", 1),
    "TIFF, plain, two pages": Form(
        lambda p, v: tiff(p, np.stack([v, v * 0 + 2]), description="by hand"), "masks/a.tif", 1
    ),
    "TIFF, 16 bit": Form(
        lambda p, v: tiff(p, v.astype(np.uint16) * 300, byteorder=">"), "masks/a.tif", 3, True
    ),
    "TIFF, 1 bit": Form(lambda p, v: tiff(p, v > 0, photometric="minisblack"), "masks/a.tif", True),
    "TIFF, 1 bit, white is zero": Form(
        lambda p, v: tiff(p, v == 0, photometric="miniswhite"), "masks/a.tif", False
    ),
    "TIFF, 8 bit, white is zero": Form(
        lambda p, v: tiff(p, np.uint8(255) * (v == 0), photometric="miniswhite"), "masks/a.tif", 0
    ),
    "TIFF, palette": Form(
        lambda p, v: tiff(p, v, photometric="palette", colormap=_tiff_colors()), "masks/a.tif", 1
    ),
    "BMP": Form(lambda p, v: png(p, np.uint8(255) * (v > 0)), "masks/a.bmp", 255),
    "GIF": Form(lambda p, v: palette_png(p, v, VOC), "masks/a.gif", 1),
}


def _tiff_colors() -> np.ndarray:
    table = np.zeros((3, 256), np.uint16)
    table[0, 1], table[1, 2] = 32768, 32768
    return table


@dataclass
class Set:
    """A folder with one image, opened."""

    root: Path

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> Set:
        self.project = open_project(self.root)
        self.ref = self.project.images[0]
        self.annotations = Annotations(self.project.root, self.project.truth)
        return self

    @property
    def schema(self):
        return self.project.schema or self.project.truth.schema

    def truth(self) -> LabelMap:
        return read_truth(self.ref, self.project.truth, self.schema, SHAPE)

    def annotation(self) -> LabelMap | None:
        return self.annotations.read(self.ref, self.schema, SHAPE)

    def save(self, labels, ids=None, **options):
        return self.annotations.write(
            self.ref, labels, ids, self.schema, name_classes=False, **options
        )

    def files(self) -> set[str]:
        """All files but the image, as paths below the folder."""
        paths = (p for p in self.root.rglob("*") if p.is_file())
        return {p.relative_to(self.root).as_posix() for p in paths} - {"images/a.jpg"}


def make(root: Path, form: Form) -> Set:
    save_image(root / "images" / "a.jpg", np.full((*SHAPE, 3), 90, np.uint8))
    form.write(root / form.file, classes())
    return Set(root)


def painted(truth: LabelMap, objects: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """The annotation after a stroke of class 1; where there are ids, it is object 3."""
    labels, ids = np.array(truth.labels), None
    labels[STROKE] = 1
    if truth.instances is not None:
        ids = np.array(truth.instances)
        ids[STROKE] = 3
    assert (ids is not None) == objects
    return labels, ids


_OF_EACH_KIND = [
    FORMS[name]
    for name in ("8 bit ids", "8 bit palette", "16 bit ids in instances", "colours", "TIFF", "BMP")
]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_stroke_changes_its_pixels_and_nothing_else_of_the_file(tmp_path, form):
    folder = make(tmp_path, form)
    path = tmp_path / form.file
    before, form_before = native(path)
    content = path.read_bytes()
    wanted = before.copy()
    assert (before[STROKE] == before[0, 0]).all()  # background
    wanted[STROKE] = form.painted

    labels, ids = painted(folder.truth(), form.objects)
    saved = folder.save(labels, ids)

    after, form_after = native(path)
    assert np.array_equal(after, wanted)
    assert after.dtype == before.dtype
    assert form_after == form_before
    assert saved.files == (path,)
    kept = Path(form.file).parent / ".originals" / path.name
    assert folder.files() == {form.file, kept.as_posix(), f"{kept.as_posix()}.json"}
    assert (tmp_path / kept).read_bytes() == content

    # Opened again it is the same bit for bit, and the ground truth is what it was.
    again = Set(tmp_path)
    found = again.annotation()
    assert np.array_equal(found.labels, labels)
    assert (found.instances is None) == (ids is None)
    assert ids is None or np.array_equal(found.instances, ids)
    assert np.array_equal(again.truth().labels, folder.truth().labels)

    # Undone, the file is again the one that was there.
    truth = again.truth()
    assert again.save(truth.labels, truth.instances).files == ()
    assert path.read_bytes() == content
    assert again.annotation() is None


@pytest.mark.parametrize("form", few(FORMS.values(), _OF_EACH_KIND), ids=FORMS.keys())
def test_annotations_can_be_chosen_instead_and_the_truth_is_never_touched(tmp_path, form):
    folder = make(tmp_path, form)
    path = tmp_path / form.file
    content, (before, form_before) = path.read_bytes(), native(path)
    labels, ids = painted(folder.truth(), form.objects)
    folder.save(labels, ids, elsewhere=True)
    assert path.read_bytes() == content
    inside = "annotations/instances" if form.file.startswith("instances") else "annotations"
    if form.objects and not form.file.startswith("instances"):
        inside = "annotations/instances"  # ids, wherever they lay
    copy = tmp_path / inside / path.name
    wanted = before.copy()
    wanted[STROKE] = form.painted
    after, form_after = native(copy)
    assert np.array_equal(after, wanted)
    assert form_after == form_before
    again = Set(tmp_path)
    assert np.array_equal(again.annotation().labels, labels)
    assert np.array_equal(again.truth().labels, folder.truth().labels)
    assert again.project.truth.kind == folder.project.truth.kind
    # What lies in annotations/ already is saved there, whatever is chosen now.
    labels[0, 0] = 1
    if ids is not None:
        ids[0, 0] = 4
    again.save(labels, ids)
    assert path.read_bytes() == content
    assert np.array_equal(Set(tmp_path).annotation().labels, labels)
    truth = again.truth()
    again.save(truth.labels, truth.instances)
    assert not copy.exists()
    assert Set(tmp_path).annotation() is None


def test_a_class_map_and_an_instance_map_are_edited_together(tmp_path):
    save_image(tmp_path / "JPEGImages" / "a.jpg", np.full((*SHAPE, 3), 90, np.uint8))
    labels, ids = classes(), classes()
    labels[6], ids[6] = 255, 255  # the border of Pascal VOC
    colors = [0, 0, 0, 128, 0, 0, 0, 128, 0, *[9] * 759]
    for name, values in (("SegmentationClass", labels), ("SegmentationObject", ids)):
        palette_png(tmp_path / name / "a.png", values, colors)
    folder = Set(tmp_path)
    truth = folder.truth()
    wanted, wanted_ids = np.array(truth.labels), np.array(truth.instances)
    wanted[STROKE], wanted_ids[STROKE] = 2, 3
    folder.save(wanted, wanted_ids)
    for name, before, value in (("SegmentationClass", labels, 2), ("SegmentationObject", ids, 3)):
        after, form = native(tmp_path / name / "a.png")
        before = before.copy()
        before[STROKE] = value
        assert np.array_equal(after, before)
        assert form[0][1] == "P"
        assert form[0][2][:9] == colors[:9]
    again = Set(tmp_path)
    assert np.array_equal(again.annotation().labels, wanted)
    assert np.array_equal(again.annotation().instances, wanted_ids)
    assert not (tmp_path / "masks").exists()


def test_truth_chosen_by_hand_is_edited_where_it_lies(tmp_path):
    root, elsewhere = tmp_path / "set", tmp_path / "truth of Ann"
    save_image(root / "images" / "a.jpg", np.full((*SHAPE, 3), 90, np.uint8))
    palette_png(elsewhere / "a_seg.png", classes(), VOC)
    project = open_project(root)
    assert project.truth is None
    truth = TruthIndex.at(elsewhere, project.images)
    annotations, ref = Annotations(project.root, truth), project.images[0]
    labels = classes()
    labels[STROKE] = 2
    annotations.write(ref, labels, None, truth.schema, name_classes=False)
    assert np.array_equal(np.array(Image.open(elsewhere / "a_seg.png")), labels)
    assert not (root / "masks").exists()
    again = Annotations(project.root, TruthIndex.at(elsewhere, project.images))
    assert np.array_equal(again.read(ref).labels, labels)
    assert np.array_equal(read_truth(ref, again.truth).labels, classes())


@pytest.mark.parametrize("kind", ["JPEG", "soft edges", "transparent"])
def test_a_form_that_cannot_hold_an_edit_is_left_alone_and_said(tmp_path, kind):
    save_image(tmp_path / "images" / "a.jpg", np.full((*SHAPE, 3), 90, np.uint8))
    grey = np.zeros((32, 48), np.uint8)
    grey[8:24, 8:16] = 255
    save_image(tmp_path / "images" / "a.jpg", np.full((32, 48, 3), 90, np.uint8))
    folder = tmp_path / "labels"
    folder.mkdir()
    if kind == "JPEG":
        Image.fromarray(grey).save(folder / "a.jpg", quality=95)
    elif kind == "soft edges":
        for x, value in enumerate(range(250, 10, -8)):
            grey[8:24, 16 + x // 2] = value
        Image.fromarray(grey).save(folder / "a.png")
    else:
        shape = np.dstack([np.full((32, 48, 3), 7, np.uint8), grey])
        Image.fromarray(shape).save(folder / "a.png")
    path = next(folder.glob("a.*"))
    content = path.read_bytes()
    project = open_project(tmp_path)
    annotations, ref = Annotations(project.root, project.truth), project.images[0]
    labels = np.zeros((32, 48), np.uint8)
    labels[2:5, 30:40] = 1
    saved = annotations.write(ref, labels, None, project.truth.schema)
    assert saved.why
    assert path.read_bytes() == content
    assert saved.place.classes == tmp_path / "masks" / "a.png"
    assert np.array_equal(np.array(Image.open(tmp_path / "masks" / "a.png")), labels)
    again = open_project(tmp_path)
    assert np.array_equal(Annotations(again.root, again.truth).read(ref).labels, labels)


def test_a_class_that_black_and_white_cannot_hold_goes_elsewhere(tmp_path):
    folder = make(tmp_path, FORMS["0 and 255"])
    path = tmp_path / "masks" / "a.png"
    content = path.read_bytes()
    labels = np.array(folder.truth().labels)
    labels[0, 0] = 1
    folder.save(labels)
    assert path.read_bytes() != content
    labels[STROKE] = 2
    saved = folder.save(labels)
    assert "black-and-white" in saved.why
    assert path.read_bytes() == content  # what was saved there lies elsewhere now
    assert saved.place.classes == tmp_path / "annotations" / "a.png"
    assert np.array_equal(Set(tmp_path).annotation().labels, labels)


def test_a_new_class_gets_a_colour_or_an_entry_of_the_palette(tmp_path):
    for name, form in (("p", FORMS["8 bit palette"]), ("c", FORMS["colours"])):
        folder = make(tmp_path / name, form)
        schema = folder.schema.with_class(ClassSpec(3, "new", (1, 2, 3)))
        labels = np.array(folder.truth().labels)
        labels[STROKE] = 3
        folder.annotations.write(folder.ref, labels, None, schema)
        assert np.array_equal(folder.annotations.read(folder.ref, schema).labels, labels)
        assert np.array_equal(Set(tmp_path / name).annotation().labels, labels)
        with Image.open(tmp_path / name / "masks" / "a.png") as image:
            colors = np.array(image.convert("RGB"))
        assert (colors[STROKE] == (1, 2, 3)).all()
        assert image.mode == ("P" if name == "p" else "RGB")


def test_every_version_of_another_program_is_kept_once(tmp_path):
    folder = make(tmp_path, FORMS["8 bit ids"])
    path = tmp_path / "masks" / "a.png"
    first = path.read_bytes()
    labels = classes()
    for x in range(3):  # saved again and again: one copy
        labels[7, x] = 1
        folder.save(labels)
    theirs = classes(1)
    png(path, theirs)  # another program
    second = path.read_bytes()
    folder.open()
    assert folder.annotation() is None  # it is the ground truth now
    assert np.array_equal(folder.truth().labels, theirs)
    labels = theirs.copy()
    labels[7, 11] = 1
    folder.save(labels)
    found = folder.annotations.versions(folder.ref)
    assert [v.path.read_bytes() for v in found] == [first, second]
    assert [v.path.relative_to(path.parent).as_posix() for v in found] == [
        ".originals/a.png", ".originals/2/a.png",
    ]  # fmt: skip
    old = folder.annotations.restored(folder.ref, found[0])
    assert np.array_equal(old.labels, classes())
    # Put back by the other program, it is the latest again and not kept twice.
    path.write_bytes(first)
    folder.open()
    assert np.array_equal(folder.truth().labels, classes())
    labels = classes()
    labels[7, 11] = 1
    folder.save(labels)
    found = folder.annotations.versions(folder.ref)
    assert [v.path.read_bytes() for v in found] == [second, first]
    folder.open()
    assert np.array_equal(folder.truth().labels, classes())


def test_copies_of_an_earlier_segstudio_are_still_the_ground_truth(tmp_path):
    folder = make(tmp_path, FORMS["8 bit ids"])
    path = tmp_path / "masks" / "a.png"
    (path.parent / ".originals").mkdir()
    (path.parent / ".originals" / "a.png").write_bytes(path.read_bytes())
    labels = classes()
    labels[STROKE] = 1
    image = Image.fromarray(labels)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Software", "segstudio")
    image.save(path, pnginfo=texts)
    (path.parent / "segstudio.json").write_text(json.dumps(folder.schema.to_json()))
    folder.open()
    assert np.array_equal(folder.truth().labels, classes())
    assert np.array_equal(folder.annotation().labels, labels)


def test_what_was_saved_in_the_truth_moves_to_annotations(tmp_path):
    folder = make(tmp_path, FORMS["16 bit ids in instances"])
    path = tmp_path / "instances" / "a.png"
    content = path.read_bytes()
    labels, ids = painted(folder.truth(), objects=True)
    folder.save(labels, ids)
    edited = path.read_bytes()
    moved = folder.annotations.move_to_corrections(folder.ref)
    assert moved.files == (tmp_path / "annotations" / "instances" / "a.png",)
    assert moved.files[0].read_bytes() == edited
    assert path.read_bytes() == content
    assert folder.annotations.move_to_corrections(folder.ref) is None
    again = Set(tmp_path)
    assert np.array_equal(again.annotation().instances, ids)


def test_objects_of_a_folder_without_objects_get_a_file_of_their_own(tmp_path):
    folder = make(tmp_path, FORMS["8 bit ids"])
    labels = classes()
    labels[STROKE] = 1
    ids = (labels > 0).astype(np.uint16) * 5
    folder.save(labels, ids)
    assert np.array_equal(np.array(Image.open(tmp_path / "instances" / "a.png")), ids)
    assert np.array_equal(Set(tmp_path).annotation().instances, ids)
    folder.open().save(labels, None)
    assert not (tmp_path / "instances" / "a.png").exists()
    assert np.array_equal(Set(tmp_path).annotation().labels, labels)


def test_a_mask_drawn_before_the_photo_was_turned_is_edited_as_it_lies(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((*SHAPE, 3), np.uint8)).save(tmp_path / "images" / "a.jpg", exif=exif)
    png(tmp_path / "masks" / "a.png", classes())
    project = open_project(tmp_path)
    annotations, ref = Annotations(project.root, project.truth), project.images[0]
    labels = np.array(read_truth(ref, project.truth, None, SHAPE[::-1]).labels)
    assert np.array_equal(labels, np.rot90(classes(), -1))
    labels[11, 7] = 2  # below right in the upright picture: above right as stored
    annotations.write(ref, labels, None, project.truth.schema, name_classes=False)
    wanted = classes()
    wanted[0, 11] = 2
    assert np.array_equal(np.array(Image.open(tmp_path / "masks" / "a.png")), wanted)


def test_ids_beyond_16_bit_are_kept(tmp_path):
    save_image(tmp_path / "images" / "a.jpg", np.full((*SHAPE, 3), 90, np.uint8))
    ids = classes().astype(np.uint32) * 100_000
    tiff(tmp_path / "instances" / "a.tif", ids)
    folder = Set(tmp_path)
    truth = folder.truth()
    labels, mine = np.array(truth.labels), np.array(truth.instances)
    labels[mine == 1], mine[mine == 1] = 0, 0  # one is erased: the other gets another number
    folder.save(labels, mine)
    ids[ids == 100_000] = 0
    assert np.array_equal(tifffile.imread(tmp_path / "instances" / "a.tif"), ids)


def test_corrections_are_no_ground_truth_unless_there_is_no_other(tmp_path):
    folder = make(tmp_path, Form(png, "gt/a.png", 1))
    labels = classes()
    labels[STROKE] = 1
    folder.save(labels, elsewhere=True)
    again = Set(tmp_path)
    assert again.project.truth.folders == (tmp_path / "gt",)
    assert np.array_equal(again.truth().labels, classes())
    (tmp_path / "gt" / "a.png").unlink()
    again = Set(tmp_path)
    assert np.array_equal(again.truth().labels, labels)
    labels[7, 11] = 1
    again.save(labels)  # corrects what is there
    again.save(labels)  # and stays
    assert np.array_equal(np.array(Image.open(tmp_path / "annotations" / "a.png")), labels)


def test_what_another_program_made_of_our_own_file_is_kept_too(tmp_path):
    save_image(tmp_path / "a.jpg", np.full((*SHAPE, 3), 90, np.uint8))
    project = open_project(tmp_path)
    ref, schema = project.images[0], LabelSchema.from_names(("background", "object"))
    path = tmp_path / "masks" / "a.png"
    Annotations(project.root, None).write(ref, classes(1), None, schema)
    with Image.open(path) as image:  # it keeps what the file says of who wrote it
        texts = PngImagePlugin.PngInfo()
        for key, value in image.text.items():
            texts.add_text(key, value)
        image.load()
    image.putpixel((11, 7), 1)
    image.save(path, pnginfo=texts)
    theirs = path.read_bytes()
    again = open_project(tmp_path)
    annotations = Annotations(again.root, again.truth)
    assert annotations.read(ref) is None
    assert read_truth(ref, again.truth).labels[7, 11] == 1
    labels = classes(1)
    labels[STROKE] = 1
    annotations.write(ref, labels, None, schema)
    assert (path.parent / ".originals" / "a.png").read_bytes() == theirs
    assert np.array_equal(np.array(Image.open(path)), labels)


def test_corrections_of_found_classes_do_not_declare_them(tmp_path):
    folder = make(tmp_path, FORMS["8 bit ids"])
    labels = classes()
    labels[STROKE] = 1
    folder.save(labels, elsewhere=True)
    assert Set(tmp_path).project.schema is None
    assert json.loads((tmp_path / "annotations" / "segstudio.json").read_text()) == {
        "corrections": True
    }


def test_ground_truth_in_a_folder_called_annotations_is_not_taken_for_corrections(tmp_path):
    folder = make(tmp_path, Form(png, "annotations/a.png", 1))
    path = tmp_path / "annotations" / "a.png"
    content = path.read_bytes()
    labels = classes()
    labels[STROKE] = 1
    folder.save(labels)
    moved = folder.annotations.move_to_corrections(folder.ref)
    assert moved.files == (tmp_path / "corrections" / "a.png",)
    assert path.read_bytes() == content
    again = Set(tmp_path)
    assert np.array_equal(again.truth().labels, classes())
    assert np.array_equal(again.annotation().labels, labels)
    labels[7, 11] = 1
    again.save(labels, elsewhere=True)
    assert path.read_bytes() == content
    assert np.array_equal(Set(tmp_path).annotation().labels, labels)


def test_the_truth_is_put_back_only_once_the_corrections_are_written(tmp_path, monkeypatch):
    folder = make(tmp_path, FORMS["8 bit palette"])
    mask, labels = tmp_path / "masks" / "a.png", classes()
    labels[STROKE] = 1
    folder.save(labels)
    edited, write = mask.read_bytes(), WriteRoot.write

    def fail(home, path, *arguments, **named):
        if path.parent.name == "annotations" and path.suffix == ".png":
            raise SegstudioError("The disk is full.")
        write(home, path, *arguments, **named)

    monkeypatch.setattr(WriteRoot, "write", fail)
    labels[0, 0] = 1
    with pytest.raises(SegstudioError, match="disk is full"):
        folder.save(labels, elsewhere=True)
    assert mask.read_bytes() == edited


def test_no_room_for_temporary_files_is_told(tmp_path, monkeypatch):
    folder = make(tmp_path, FORMS["8 bit palette"])

    def full(*_arguments, **_named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    labels = classes()
    labels[STROKE] = 1
    with pytest.raises(SegstudioError, match="full"):
        folder.save(labels)


def test_the_classes_of_corrections_are_read_where_the_truth_lies_in_annotations(tmp_path):
    folder = make(tmp_path, Form(png, "annotations/a.png", 1))
    labels = classes()
    labels[STROKE] = 1
    schema = folder.schema.with_class(ClassSpec(1, "cell", (1, 2, 3)))
    folder.annotations.write(folder.ref, labels, None, schema, elsewhere=True)
    assert Set(tmp_path).project.schema.name_of(1) == "cell"


def test_of_a_long_list_the_class_list_of_the_corrections_is_read_once(tmp_path, monkeypatch):
    folder = make(tmp_path, FORMS["8 bit ids"])
    labels = classes()
    labels[STROKE] = 1
    folder.save(labels, elsewhere=True)
    reads, read = [], schema_file.read_json_or

    def counted(path, otherwise):
        reads.append(path)
        return read(path, otherwise)

    monkeypatch.setattr(schema_file, "read_json_or", counted)
    assert folder.annotations.has(folder.ref)
    others = [ImageRef(f"b{number}.jpg", folder.ref.root) for number in range(50)]
    assert not any(map(folder.annotations.has, others))
    assert len(reads) <= 1
