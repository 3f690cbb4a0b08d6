"""Files that want to do harm: damaged images, and weights that bring code."""

from __future__ import annotations

import io
import os
import pickle
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image as pil

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ENDINGS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")

_READER = """
import sys
from pathlib import Path
from segstudio.core.errors import SegstudioError
from segstudio.storage.decode import read_image
for name in sys.argv[1:]:
    try:
        pixels = read_image(Path(name)).pixels
        said = "read" if pixels.dtype == "uint8" and pixels.ndim == 3 else "odd pixels"
    except SegstudioError as error:
        said = "refused" if Path(name).name in str(error) else f"unnamed: {error}"
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    print(name, said, sep="\\t", flush=True)
"""
_LOADER = """
import sys
from pathlib import Path
from segstudio.core.errors import SegstudioError
from segstudio.models.recognition import spec_from_weights
for name in sys.argv[1:]:
    try:
        spec_from_weights(Path(name))
        said = "taken for weights"
    except SegstudioError:
        said = "refused"
    print(name, said, sep="\\t", flush=True)
"""


def _saved(kind: str, mode: str, **options: object) -> Callable[[], bytes]:
    def make() -> bytes:
        rng = np.random.default_rng(2)
        pixels = rng.integers(0, 256, (24, 32, 3), np.uint8)
        buffer = io.BytesIO()
        pil.fromarray(pixels).convert(mode).save(buffer, kind, **options)
        return buffer.getvalue()

    return make


def _tiff(dtype: str, **options: object) -> Callable[[], bytes]:
    def make() -> bytes:
        values = np.random.default_rng(3).integers(0, 200, (24, 32), np.uint8).astype(dtype)
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, values, **options)
        return buffer.getvalue()

    return make


FORMATS: dict[str, Callable[[], bytes]] = {
    "rgb.png": _saved("PNG", "RGB"),
    "grey.png": _saved("PNG", "L"),
    "palette.png": _saved("PNG", "P"),
    "alpha.png": _saved("PNG", "RGBA"),
    "bits.png": _saved("PNG", "1"),
    "a.jpg": _saved("JPEG", "RGB"),
    "progressive.jpg": _saved("JPEG", "RGB", progressive=True),
    "a.bmp": _saved("BMP", "RGB"),
    "a.webp": _saved("WEBP", "RGB"),
    "lossless.webp": _saved("WEBP", "RGB", lossless=True),
    "a.tif": _tiff("uint8"),
    "deep.tif": _tiff("uint16"),
    "float.tif": _tiff("float32"),
    "deflate.tif": _tiff("uint16", compression="zlib"),
    "tiles.tif": _tiff("uint8", tile=(16, 16)),
}


def mutated_images(place: Path, each: int, seed: int = 0) -> list[str]:
    """Read damaged images in a process of its own; gives what went wrong.

    Every one must be read or refused with a message that names it, and the process must live.
    """
    rng = random.Random(seed)
    place.mkdir(parents=True)
    names = []
    for name, make in FORMATS.items():
        whole = make()
        for number in range(each):
            path = place / f"{number}-{name}"
            path.write_bytes(_mutated(whole, rng))
            names.append(str(path))
    said = _run(_READER, names, place)
    return [line for line in said if line.split("\t")[-1] not in ("read", "refused")]


def _mutated(whole: bytes, rng: random.Random) -> bytes:
    data = bytearray(whole)
    how = rng.randrange(4)
    if how == 0:
        return bytes(data[: rng.randrange(len(data))])
    for _ in range(rng.choice((1, 4, 40))):
        at = rng.randrange(min(len(data), 64) if how == 1 else len(data))
        data[at] = rng.randrange(256)
    if how == 2:
        at = rng.randrange(len(data))
        data[at:at] = rng.randbytes(rng.randrange(1, 60))
    return bytes(data)


class _Runs:
    """Pickles to a call of a function when it is unpickled."""

    def __init__(self, function: object, argument: str) -> None:
        self._call = function, (argument,)

    def __reduce__(self):
        return self._call


def pickles_with_code(place: Path, count: int) -> list[str]:
    """Load weights that bring code; gives what went wrong, first of all code that was run."""
    place.mkdir(parents=True)
    marker = place / "it ran"
    command = f"touch '{marker}'"
    calls = ((os.system, command), (eval, f"open({str(marker)!r}, 'w')"))
    names = []
    for number in range(count):
        function, argument = calls[number // len(ENDINGS) % 2]
        content = pickle.dumps({"state_dict": _Runs(function, argument)}, protocol=2)
        path = place / f"weights-{number}{ENDINGS[number % len(ENDINGS)]}"
        path.write_bytes(_zipped(content) if number // (2 * len(ENDINGS)) % 2 else content)
        names.append(str(path))
    said = _run(_LOADER, names, place)
    problems = [line for line in said if not line.endswith("\trefused")]
    return ["code was run", *problems] if marker.exists() else problems


def _zipped(content: bytes) -> bytes:
    """As torch.save writes it since 1.6."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def _run(code: str, names: list[str], place: Path) -> list[str]:
    """What a process says of each file; a file of which it says nothing ended it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SEGSTUDIO_HOME": str(place / "home")}
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code, *names],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        cwd=place,
    )
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != len(names):
        at = names[len(lines)] if len(lines) < len(names) else "the end"
        lines.append(f"ended with {done.returncode} at {at}: {done.stderr[-500:]}")
    return lines
