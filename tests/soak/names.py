"""Names that want to be markup, formulas or commands: whatever is written must only show them."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import unittest.mock
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import torch
from PIL import Image as pil
from safetensors.torch import save_file

from segstudio.__main__ import main
from segstudio.clock import ManualClock
from segstudio.models.unet import UNet
from segstudio.studio import Studio

PIECES = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg onload='x'>", "'); x('",
    "=cmd|' C'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "]]>", "--><b>", "&lt;b&gt;", "{{7*7}}",
    "\x1b[2J", "\x1b]0;x\x07", "a\nb", "\r=1", "\x7f", "\x9b2J", "\u202egnp.exe", "\u2028",
    "javascript:alert(1)", "%s%n", "../..", "Zellk\u00f6rper \u7ec6\u80de",
)  # fmt: skip
_BYTES = (b"\xe9", b"\xff\xfe", b"\xc3")
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|inf|nan)", re.IGNORECASE)
_TAGS_WITH_ADDRESS = {"href", "src", "xlink:href", "action"}


def hostile_names(place: Path, count: int, seed: int = 0) -> list[str]:
    """Let every command and export write names of images and classes; gives what went wrong.

    Args:
        place: Where; is made.
        count: How many images, each with other names.
        seed: Of the names.
    """
    with unittest.mock.patch.dict(os.environ, {"SEGSTUDIO_HOME": str(place / "home")}):
        return _problems(place, count, random.Random(seed))


def _problems(place: Path, count: int, rng: random.Random) -> list[str]:
    images = _data_set(place / f"set{rng.choice(PIECES).replace('/', '_')}", count, rng)
    named = (rng.choice(PIECES) + rng.choice(PIECES)).replace("/", "\\").replace(",", ";")
    weights = _weights(place / f"w{named}.safetensors", images, rng)
    masks, out = images / "masks", place / "out"
    model = ["--weights", str(weights)]
    commands = {
        "predict": ["predict", images, *model, "--out", out],
        "evaluate": ["evaluate", out, masks, "--per-image", "--report", place / "evaluate.html"],
        "evaluate-json": ["evaluate", out, masks, "--per-image", "--json"],
        "compare": ["compare", images, "--models", weights, "--report", place / "compare.html"],
        "compare-json": ["compare", images, "--models", weights, "--json"],
        "inspect": [
            "inspect", min(images.glob("*.png")), *model, "--report", place / "inspect.html",
            "--svg", place / "network.svg",
        ],
        "broken": ["evaluate", images, place / "nowhere" / rng.choice(PIECES)],
    }  # fmt: skip
    problems = []
    for name, arguments in commands.items():
        code, told, errors = _run([os.fspath(a) for a in arguments])
        if code != (2 if name == "broken" else 0):
            problems.append(f"{name} ended with {code}: {errors[-300:]!r}")
        look = _in_json if name.endswith("json") else _in_text
        problems += [f"{name}: {problem}" for problem in (*look(told), *_in_text(errors))]
    _export(place, images, weights)
    looks = {".html": _in_html, ".svg": _in_svg, ".csv": _in_csv, ".json": _in_json}
    written = [path for path in place.iterdir() if path.suffix in looks]
    for path in written:
        text = path.read_bytes().decode("utf-8")
        problems += [f"{path.name}: {problem}" for problem in looks[path.suffix](text)]
    missing = {"evaluate.html", "compare.html", "inspect.html", "network.svg", "scores.csv"}
    missing -= {path.name for path in written}
    return problems + [f"{name} was not written" for name in sorted(missing)]


def _data_set(folder: Path, count: int, rng: random.Random) -> Path:
    (folder / "masks").mkdir(parents=True)
    for number in range(count):
        mask = np.zeros((24, 32), np.uint8)
        mask[4:12, 4:12], mask[14:20, 14:20] = 1, 2
        piece = (rng.choice(PIECES) + rng.choice(PIECES)).replace("/", "\\")
        name = os.fsdecode(piece.encode() + rng.choice((*_BYTES, b"")) + b"%d.png" % number)
        for path in (folder / name, folder / "masks" / name):
            with path.open("wb") as file:
                pil.fromarray(mask * (1 if path.parent.name == "masks" else 90)).save(file, "PNG")
    classes = [
        {"id": i, "name": "".join(rng.sample(PIECES, 2)), "color": [90 * i, 0, 0]} for i in range(3)
    ]
    (folder / "masks" / "segstudio.json").write_text(json.dumps({"classes": classes}))
    return folder


def _weights(path: Path, images: Path, rng: random.Random) -> Path:
    """A model of the data set's classes; of other ones it is not scored."""
    options = {"base_channels": 2, "depth": 1, "num_classes": 3}
    torch.manual_seed(0)
    described = {
        "id": "tiny", "title": rng.choice(PIECES), "family": "unet", "task": "semantic",
        "builder": "segstudio.models.unet:UNet", "options": options,
        "description": rng.choice(PIECES), "licence": rng.choice(PIECES),
        "schema": json.loads((images / "masks" / "segstudio.json").read_text()),
        "preprocess": {"scaling": "unit", "divisor": 2},
    }  # fmt: skip
    save_file(UNet(**options).state_dict(), path, {"segstudio": json.dumps(described)})
    return path


def _run(arguments: list[str]) -> tuple[int, str, str]:
    """The exit code, and what went to the two streams; in this process, which has torch already."""
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        code = main(arguments)
    for stream in streams:
        stream.flush()
    out, err = (stream.buffer.getvalue().decode("utf-8") for stream in streams)  # type: ignore[attr-defined]
    return code, out, err


def _export(place: Path, images: Path, weights: Path) -> None:
    """What the window saves: the scores of each image."""
    clock = ManualClock()
    studio = Studio(clock, place / "home")

    def settle() -> None:
        while not studio.jobs.wait_idle(0.01) or clock.run_posted():
            clock.run_posted()

    settle()
    studio.browsing.open_path(images)
    settle()
    studio.segmenting.load_weights_file(weights)
    settle()
    run = studio.session.model.chosen
    studio.session.set_view(run=run)
    studio.segmenting.run_all()
    settle()
    studio.scoring.save_csv(place / "scores.csv", studio.session.view.run)
    studio.evaluating.start([run])
    settle()
    studio.evaluation_report.save_csv(place / "images.csv")
    studio.evaluation_report.save_json(place / "images.json")
    settle()
    studio.close()


def _in_text(text: str) -> Iterator[str]:
    found = _COMMANDS.search(text.replace("\r\n", "\n"))
    if found:
        yield f"{found[0]!r} in {text[max(0, found.start() - 40) : found.end() + 20]!r}"


def _in_json(text: str) -> Iterator[str]:
    yield from _in_text(text)
    try:
        json.loads(text, parse_constant=lambda name: [][name])
    except ValueError as error:
        yield f"it is no JSON: {error}"


def _in_csv(text: str) -> Iterator[str]:
    yield from _in_text(text)
    rows = list(csv.reader(io.StringIO(text)))
    if len({len(row) for row in rows}) != 1:
        yield "its lines have not the same number of cells"
    for cell in (cell for row in rows for cell in row):
        if cell.lstrip().startswith(("=", "+", "-", "@")) and not _NUMBER.fullmatch(cell):
            yield f"the formula {cell!r}"


def _in_svg(text: str) -> Iterator[str]:
    yield from _in_text(text)
    try:
        parts = list(ET.fromstring(text).iter())
    except ET.ParseError as error:
        yield f"it is no XML: {error}"
        return
    for part in parts:
        yield from _wrong(part.tag.rpartition("}")[2], list(part.attrib.items()))


def _in_html(text: str) -> Iterator[str]:
    yield from _in_text(text)
    parser = _Parser()
    parser.feed(text)
    yield from parser.problems


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.problems += _wrong(tag, attrs)


def _wrong(tag: str, attributes: list[tuple[str, str | None]]) -> Iterator[str]:
    if tag in {"script", "iframe", "object", "embed", "base", "form"}:
        yield f"<{tag}>"
    for name, value in attributes:
        if name.startswith("on"):
            yield f"<{tag} {name}>"
        address = name.rpartition("}")[2] in _TAGS_WITH_ADDRESS
        if address and not (value or "").startswith(("#", "data:image/", "https://")):
            yield f"<{tag} {name}={value!r}>"
