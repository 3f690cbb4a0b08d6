"""Annotation files that cannot be read yet are counted and named, and nothing else is."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from image_files import save_image

from segstudio.core.errors import SegstudioError
from segstudio.storage.project import open_project
from segstudio.storage.truth import TruthIndex
from segstudio.storage.unread_annotations import unread_in

LABELME = {"version": "5.0", "flags": {}, "shapes": [], "imagePath": "a.png", "imageData": "x"}
COCO = {"info": {}, "images": [{"id": 1}], "annotations": [{"image_id": 1, "iscrowd": 0}]}


def roi_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("0001-0001.roi", b"Iout")
    return buffer.getvalue()


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "set" / "images"
    for i in range(3):
        save_image(folder / f"{i}.png", np.zeros((4, 4, 3), np.uint8))
    return folder


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("{}.json", json.dumps(LABELME), "labelme"),
        ("{}.json", json.dumps({"flags": {}, "imageData": "A" * 200_000, **LABELME}), "labelme"),
        ("{}.json", '{"type": "FeatureCollection", "features": []}', "GeoJSON (QuPath)"),
        ("{}.geojson", '{"type": "FeatureCollection"}', "GeoJSON (QuPath)"),
        ("{}.xml", "<?xml version='1.0'?>\n<annotation>\n<folder/>", "Pascal VOC"),
        ("{}.txt", "0 0.1 0.2 0.3 0.4 0.5 0.6\n1 0.5 0.5 0.1 0.1\n", "YOLO"),
        ("{}.roi", b"Iout", "ImageJ ROI"),
        ("{}.zip", roi_zip(), "ImageJ ROI"),
        ("{}_seg.npy", b"\x93NUMPY", "cellpose _seg.npy"),
        ("{}.mat", b"MATLAB 5.0", "MATLAB"),
        ("{}.npy", b"\x93NUMPY", "NumPy"),
    ],
)
def test_one_file_an_image(images, name, content, kind):
    for i in range(3):
        put(images / name.format(i), content)
    first = name.format(0)
    expected = f"3 {kind} files lie beside the images ({first}, …); segstudio cannot read them yet."
    project = open_project(images)
    assert project.unread == expected
    assert expected in project.notes
    assert len(project.images) == 3


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("annotations/instances_train.json", json.dumps(COCO), "COCO"),
        ("labels/train/0.txt", "3 0.1 0.2 0.3 0.4\n", "YOLO"),
        ("Annotations/0.xml", "<annotation><size/>", "Pascal VOC"),
        ("annotations/all.xml", "<annotations><version>1.1</version>", "CVAT"),
        ("ann/0.json", '{"objects": [{"classTitle": "cell"}]}', "Supervisely"),
        ("gtFine/0_gtFine_polygons.json", '{"imgHeight": 4, "objects": []}', "Cityscapes polygon"),
        ("my_labels/0.json", json.dumps(LABELME), "labelme"),
        ("annotations/default.json", '{"dm_format_version": "1.0", "items": []}', "Datumaro"),
        ("annotations/old.json", '{"categories": {}, "items": [{"id": "0"}]}', "Datumaro"),
        ("annotations/export.ndjson", '{"data_row": {"id": "a"}}', "Labelbox"),
        ("annotations/via.csv", "filename,region_shape_attributes\n0.png,{}\n", "VIA"),
        ("labels/masks.csv", "img,rle_mask\n0,1 3\n", "run-length"),
        ("labels/0.nii.gz", b"\x1f\x8b", "NIfTI"),
        ("masks/0.dcm", b"DICM", "DICOM"),
        ("masks/0.jxl", b"\xff\x0a", "JPEG XL"),
        ("masks/0.h5", b"\x89HDF", "HDF5"),
        ("masks/0_mask_2.png", b"\x89PNG", "numbered mask"),
    ],
)
def test_folders_of_annotations(images, name, content, kind):
    put(images.parent / name, content)
    place = name.partition("/")[0]
    file = name.rpartition("/")[2]
    expected = f"1 {kind} file lies in {place}/ ({file}); segstudio cannot read it yet."
    for folder in (images.parent, images):
        assert open_project(folder).unread == expected


def test_one_file_beside_all_images_and_several_kinds(images):
    put(images / "_annotations.coco.json", json.dumps(COCO))
    put(images / "via_region_data.json", '{"_via_settings": {}}')
    put(images.parent / "train.csv", "ImageId,EncodedPixels\n0,1 3\n")
    assert open_project(images.parent).unread == (
        "1 COCO file lies beside the images (_annotations.coco.json), "
        "1 VIA file lies beside the images (via_region_data.json), "
        "1 run-length file lies in set/ (train.csv); segstudio cannot read them yet."
    )


def test_further_masks_of_an_image_beside_it_are_told(images):
    for name in ("0_mask", "0_mask_1", "0_mask_2", "1_mask_1", "other_mask_7", "2_parts_1"):
        save_image(images / f"{name}.png", np.zeros((4, 4), np.uint8))
    project = open_project(images)
    assert project.unread == (
        "3 numbered mask files lie beside the images (0_mask_1.png, …); "
        "segstudio cannot read them yet."
    )
    assert project.truth.path_of(project.images[0]) == images / "0_mask.png"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("segstudio.json", '{"classes": [{"id": 0, "name": "a"}]}'),
        ("0.json", '{"camera": "x"}'), ("0.txt", "seen by Ann\n"), ("0.txt", ""),
        ("0.json", ""), ("0.json", "[" * 100), ("classes.txt", "cell\n"), ("0.zip", b"PK\3\4 a.png"),
        ("package.json", "{}"), ("pom.xml", "<project/>"), ("scores.csv", "image,iou\n"),
        ("weights.npy", b"\x93NUMPY"), ("0.xml", "<svg/>"), ("1 2 3.txt", "1 2 3\n"),
        (".0.json", json.dumps(LABELME)), ("merles.csv", "name,merles,girle\n"), ("a.h5", b"\x89HDF"),
    ],
)  # fmt: skip
def test_what_is_no_annotation_is_not_named(images, name, content):
    put(images / name, content)
    assert open_project(images).unread == ""


def test_a_chosen_folder_without_masks_says_what_is_there(images, tmp_path):
    put(tmp_path / "gt" / "0.json", json.dumps(LABELME))
    said = f"1 labelme file lies in {tmp_path / 'gt'} (0.json); segstudio cannot read it yet."
    assert unread_in(tmp_path / "gt") == said
    with pytest.raises(SegstudioError) as caught:
        TruthIndex.at(tmp_path / "gt", open_project(images).images)
    assert caught.value.hint == said


def test_a_panoptic_file_that_tells_the_colours_of_masks_is_read(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = (57, 48, 0)  # 57 + 256 * 48 = 12345
    save_image(tmp_path / "val" / "1.png", photo)
    save_image(tmp_path / "panoptic_val" / "1.png", pixels)
    segment = {"id": 12345, "category_id": 3, "iscrowd": 0}
    image = {"image_id": 1, "file_name": "1.png", "segments_info": [segment]}
    data = {"annotations": [image], "categories": [{"id": 3, "name": "car", "isthing": 1}]}
    put(tmp_path / "panoptic_val.json", json.dumps(data))
    project = open_project(tmp_path)
    assert project.truth.schema.name_of(3) == "car"
    assert project.unread == ""
    put(tmp_path / "panoptic_train.json", json.dumps(data))
    assert open_project(tmp_path).unread.startswith("1 COCO panoptic file lies in ")
