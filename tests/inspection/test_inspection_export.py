"""What is taken away from a trace: grids, diagrams, arrays, the report."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import make_folder
from inspecting_desk import inspecting_desk, rest
from pages import outline
from tiny_networks import UNET

from segstudio.clock import ManualClock
from segstudio.core.errors import CancelledError
from segstudio.core.features import EdgeCut
from segstudio.inspection.report.arrays import write_arrays
from segstudio.inspection.report.drawing import diagram_for_page
from segstudio.inspection.report.trace_findings import find
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.report import page
from segstudio.report.diagram_drawing import PAPER
from segstudio.session.inspection import ColourMap, MapPicture
from segstudio.studio import Studio

SVG = "{http://www.w3.org/2000/svg}"
STAGES = ["input", "inc", "down1", "down2", "up1", "up2", "outc"]


@pytest.fixture
def desk(tmp_path, tiny_engine):
    """A studio with a tiny traced U-Net on a photo of 20 x 30 pixels that has ground truth."""
    with inspecting_desk(tmp_path, tiny_engine) as made:
        yield made


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def material_of(studio):
    session = studio.session
    return TraceMaterial.of(session.inspection.traced, session.schema, session.inspection)


def latest(studio):
    return studio.notices.recent[-1]


def test_arrays_are_those_of_the_trace(desk, out):
    studio, clock = desk
    trace = studio.session.inspection.traced.trace
    studio.inspection_export.save_arrays(out / "all.npz")
    rest(studio, clock)
    with np.load(out / "all.npz", allow_pickle=False) as data:
        assert data["stages"].tolist() == STAGES
        for stage in STAGES:
            found = data[f"activations/{stage}"]
            assert found.dtype == np.float16
            np.testing.assert_array_equal(found, trace.activation(stage))
        np.testing.assert_array_equal(data["input"], trace.activation("input"))
        document = studio.session.document
        np.testing.assert_array_equal(data["photo"], document.pixels)
        np.testing.assert_array_equal(data["annotation"], document.truth.labels)
        assert data["logits"].shape == (2, 20, 30)
        np.testing.assert_array_equal(data["logits"].argmax(0), data["labels"])
        about = json.loads(str(data["about"]))
    assert about["model"] == UNET
    assert about["classes"] == {"0": "background", "1": "class 1"}
    assert (about["photo_size"], about["input_size"]) == ([20, 30], [20, 32])
    assert [(s["name"], s["shape"], s["stride"]) for s in about["stages"]][2] == (
        "down1", [8, 10, 16], 2,
    )  # fmt: skip
    assert [s["name"] for s in about["skips"]] == ["down1 -> up1", "inc -> up2"]
    assert latest(studio).level == "info"
    assert str(out / "all.npz") in latest(studio).message


def test_only_the_chosen_stages_are_written(desk, out):
    studio, clock = desk
    studio.inspection_export.save_arrays(out / "two.npz", ["up1", "inc"])
    rest(studio, clock)
    with np.load(out / "two.npz") as data:
        names = [name for name in data.files if name.startswith("activations/")]
    assert names == ["activations/up1", "activations/inc"]


def test_stopping_leaves_what_was_there(desk, out):
    studio, _ = desk
    path = out / "kept.npz"
    path.write_bytes(b"old")

    def report(done, total, text):
        assert done < total
        if text == "activations/down1":
            raise CancelledError

    with pytest.raises(CancelledError):
        write_arrays(path, material_of(studio), None, None, report)
    assert path.read_bytes() == b"old"
    assert list(out.iterdir()) == [path]


def test_the_grid_has_every_channel_in_the_chosen_colours(desk, out):
    studio, clock = desk
    studio.inspecting.choose_look(colours=ColourMap.GREY)
    studio.inspection_export.save_grid(out / "inc.png", "inc")
    rest(studio, clock)
    picture = cv2.imread(str(out / "inc.png"))
    maps = studio.session.inspection.traced.trace.activation("inc")[:, :, :30].astype(float)
    # four cells of 107 x 160 under a heading of 44 pixels, 12 from the edges, 18 between rows
    height, width = 107, 160
    for channel, values in enumerate(maps):
        row, column = divmod(channel, 2)
        top, left = 12 + 44 + row * (height + 18), 12 + column * (width + 4)
        cell = picture[top : top + height, left : left + width]
        if values.min() == values.max():
            continue
        for extreme, colour in ((values.argmin(), 0), (values.argmax(), 255)):
            y, x = np.unravel_index(extreme, values.shape)
            at = cell[int((y + 0.5) * height / 20), int((x + 0.5) * width / 30)]
            assert at.tolist() == [colour] * 3
    assert picture.shape[0] == 12 + 44 + 2 * (height + 18) + 12


def test_the_diagram_as_svg_has_every_stage_with_its_picture(desk, out):
    studio, clock = desk
    studio.inspecting.choose_picture(MapPicture.CHANNEL, 99)  # beyond the stages' channels
    studio.inspection_export.save_diagram_svg(out / "u.svg")
    rest(studio, clock)
    root = ET.parse(out / "u.svg").getroot()
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert set(STAGES) <= texts
    images = list(root.iter(f"{SVG}image"))
    assert len(images) == len(STAGES)
    assert all(image.get("href").startswith("data:image/png;base64,") for image in images)


def test_the_diagram_as_png_is_the_svg_in_pixels(desk, out):
    studio, clock = desk
    export = studio.inspection_export
    export.save_diagram_svg(out / "u.svg")
    export.save_diagram_png(out / "u.png")
    rest(studio, clock)
    root = ET.parse(out / "u.svg").getroot()
    left, top, width, height = (float(part) for part in root.get("viewBox").split())
    picture = cv2.imread(str(out / "u.png"))
    assert picture.shape[:2] == (round(2 * height), round(2 * width))
    # every stage's frame has its colour at the middle of its left edge
    frames = [r for r in root.iter(f"{SVG}rect") if r.get("rx") == "4"]
    assert len(frames) == len(STAGES)
    for frame in frames:
        x, y, high = (float(frame.get(name)) for name in ("x", "y", "height"))
        at = picture[round(2 * (y + high * 0.9 - top)), round(2 * (x - left))]
        wanted = [int(frame.get("stroke")[i : i + 2], 16) for i in (5, 3, 1)]
        assert np.abs(at.astype(int) - wanted).max() < 60


def test_a_cut_skip_is_drawn_as_cut(desk, out):
    studio, clock = desk
    export = studio.inspection_export
    export.save_diagram_svg(out / "whole.svg")
    export.save_diagram_png(out / "whole.png")
    rest(studio, clock)
    trace = studio.session.inspection.traced.trace
    studio.cutting.cut_skip(trace.skips[0])
    rest(studio, clock)
    export.save_diagram_svg(out / "cut.svg")
    export.save_diagram_png(out / "cut.png")
    rest(studio, clock)
    cuts = [(out / f"{name}.svg").read_text().count(", cut<") for name in ("whole", "cut")]
    assert cuts == [0, 1]
    red = [
        (cv2.imread(str(out / f"{name}.png")) == (0x2D, 0x27, 0xC1)).all(axis=2).sum()
        for name in ("whole", "cut")
    ]
    assert red[0] == 0
    assert red[1] > 50


def test_on_a_dark_page_the_diagram_takes_the_dark_colours(desk):
    studio, _ = desk
    root = ET.fromstring(diagram_for_page(material_of(studio), lambda *_: None))
    used = {part.get(name) for part in root.iter() for name in ("fill", "stroke")} - {None}
    assert not used & {getattr(PAPER, field.name) for field in fields(PAPER)}
    variables = {colour[4:-1] for colour in used if colour.startswith("var(")}
    style = (Path(page.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    assert {"--ink", "--quiet", "--raised", "--paper"} <= variables
    for name in variables:
        light, dark = re.findall(rf"{name}: (#[0-9a-f]+);", style)
        assert light != dark


def test_the_report_says_what_the_network_does(desk, out):
    studio, clock = desk
    inspecting, path = studio.inspecting, out / "report.html"
    studio.inspection_export.save_report(path)
    rest(studio, clock)
    assert latest(studio).action[0] == "Open"
    found = outline(path.read_text(encoding="utf-8"))
    assert found.external == []
    assert found.tags.count("script") == 0
    assert found.anchors == [
        "image", "network", "stages", "skips", "why", "lens", "channels", "making",
    ]  # fmt: skip
    assert found.texts("h1") == ["Inside Tiny Unet"]
    answers = []

    def ask(traced_model, traced, _job):
        whole = traced.prediction.labels
        cuts = [[EdgeCut(edge)] for edge in traced.trace.skips]
        cuts.append([cut for one in cuts for cut in one])
        changed = [np.count_nonzero(traced_model.predict(cut).labels != whole) for cut in cuts]
        return changed, [
            traced_model.skip_merge(edge).shares[edge.index] for edge in traced.trace.skips
        ]

    inspecting.submit("Asking", ask, answers.append, key="test")
    rest(studio, clock)
    changed, shares = answers[0]
    captions = found.texts("figcaption")
    for pixels in changed:
        assert any(f": {pixels:,} pixels changed" in caption for caption in captions)
    cells = found.texts("td")
    assert all(f"{share * 100:.0f} %" in cells for share in shares)
    assert all(f"{pixels / 600 * 100:.2f} %" in cells for pixels in changed)
    prediction = studio.session.inspection.traced.prediction.labels
    truth = studio.session.document.truth.labels
    both, either = (
        ((prediction == 1) & (truth == 1)).sum(),
        ((prediction == 1) | (truth == 1)).sum(),
    )
    assert f"{both / either:.3f}" in cells
    # photo, prediction, annotation, difference; stages thrice; skips; the head's readings
    assert found.tags.count("img") > 20
    assert found.tags.count("image") == len(STAGES)


def test_gradients_in_several_passes_say_the_same(desk, monkeypatch):
    studio, clock = desk
    material, answers = material_of(studio), []

    def explain(traced_model, _traced, job):
        return find(traced_model, material, job.check, lambda *_: None).explanation

    studio.inspecting.submit("Asking", explain, answers.append, key="one")
    rest(studio, clock)
    monkeypatch.setattr("segstudio.inspection.report.trace_findings._GRADIENT_BYTES", 1)
    studio.inspecting.submit("Asking", explain, answers.append, key="each")
    rest(studio, clock)
    together, apart = answers
    assert list(apart.cams) == STAGES[1:]
    for stage in STAGES[1:]:
        np.testing.assert_allclose(apart.cams[stage], together.cams[stage], rtol=1e-4)
        np.testing.assert_allclose(
            apart.influence[stage], together.influence[stage], rtol=1e-4, atol=1e-4
        )


def test_the_report_opens_in_the_browser_or_says_that_none_did(desk, out, monkeypatch):
    studio, clock = desk
    asked = []
    monkeypatch.setattr("webbrowser.open", lambda uri: bool(asked.append(uri)))
    studio.inspection_export.save_report(out / "a report.html")
    rest(studio, clock)
    latest(studio).action[1]()
    rest(studio, clock)
    assert asked == [(out / "a report.html").as_uri()]
    assert "No browser opened" in latest(studio).message


def test_without_an_annotation_nothing_is_scored(tmp_path, tiny_engine, out):
    bare = make_folder(tmp_path / "bare", 1, truth=False)
    with inspecting_desk(tmp_path, tiny_engine, bare) as (studio, clock):
        studio.inspection_export.save_report(out / "report.html")
        studio.inspection_export.save_arrays(out / "all.npz")
        rest(studio, clock)
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "There is no annotation of this image" in text
    assert "mean IoU" not in text
    assert "pixels</b> changed" in text
    with np.load(out / "all.npz") as data:
        assert "annotation" not in data.files


def test_of_a_large_photo_the_part_that_was_traced_is_told(desk, out, monkeypatch):
    studio, clock = desk
    monkeypatch.setattr("segstudio.inspection.nets.traced_model.INPUT_LIMIT", 20 * 32 // 4)
    studio.inspecting.trace_again()
    rest(studio, clock)
    window = studio.session.inspection.traced.input_geometry.window
    assert window.shape_hw == (10, 15)
    studio.inspection_export.save_report(out / "report.html")
    studio.inspection_export.save_arrays(out / "all.npz")
    rest(studio, clock)
    found = outline((out / "report.html").read_text(encoding="utf-8"))
    text = f"15 x 10 pixels at {window.left}, {window.top}"
    assert any(text in note for note in found.texts("div"))
    assert found.anchors[-1] == "making"
    with np.load(out / "all.npz") as data:
        part = studio.session.document.pixels[window.slices]
        np.testing.assert_array_equal(data["photo"], part)
        assert data["labels"].shape == data["annotation"].shape == (10, 15)
        assert data["logits"].shape == (2, 10, 15)


def test_what_cannot_be_written_is_said(desk, out):
    studio, clock = desk
    studio.inspection_export.save_report(out / "missing" / "report.html")
    rest(studio, clock)
    assert latest(studio).level == "error"
    assert "its folder is gone" in latest(studio).message
    studio.inspection_export.save_grid(out / "x.png", "no-such-stage")
    rest(studio, clock)
    assert "no-such-stage" in latest(studio).message
    assert list(out.iterdir()) == []


def test_without_a_trace_the_user_is_told(tmp_path, tiny_engine):
    clock = ManualClock()
    studio = Studio(clock, tmp_path / "home", tiny_engine)
    assert studio.inspection_export.save_report(tmp_path / "x.html") is None
    assert latest(studio).level == "warning"
    assert "no traced network" in latest(studio).message
    assert studio.inspection_export.default_name("report", "html") == "report.html"
    studio.close()


def test_a_file_name_is_suggested(desk):
    studio, _ = desk
    assert studio.inspection_export.default_name("report", "html") == "a0-tiny-unet-report.html"
    name = studio.inspection_export.default_name("channels-body.layer1 -> x/y", "png")
    assert name == "a0-tiny-unet-channels-body.layer1----x-y.png"
