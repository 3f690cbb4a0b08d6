"""What the masks of a folder hold together: gathered from all of them, in any order."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal

from segstudio.core.errors import SegstudioError
from segstudio.core.progress import Check
from segstudio.core.schema import Color
from segstudio.storage.key_value import KeyValueFile
from segstudio.storage.mask_facts import MaskFacts, MaskLook
from segstudio.storage.mask_files import mask_pages, read_mask_file

IGNORED_16_BIT: Final = 65535
GREY_LEVEL: Final = 50
"""From here on numbers beside 255 are grey levels, of which it is one; below it is void."""
_EXAMPLES: Final = 3
_THREADS: Final = 2
_FIRST_AT_ONCE: Final = 4
_AT_ONCE: Final = 64
_VERSION: Final = "6"
_ENDING: Final = re.compile(r"_((?:label|instance)(?:Train)?Ids)$", re.IGNORECASE)
_MANY_WHOLE: Final = 5
"""So many numbers in each mask, each one region, are seldom classes."""

Objects = Literal["yes", "maybe", "no"]
Group = Literal["white", "single", "numbers", "colours", "shades"]
GROUP_WORDS: Final[Mapping[Group, str]] = {
    "white": "black and white",
    "single": "one number",
    "numbers": "several numbers",
    "colours": "colours",
    "shades": "grey levels that cannot be told apart",
}


@dataclass
class Evidence:
    """The facts of many masks.

    Attributes:
        masks: How many were looked at; those that cannot be read count nowhere.
        looks: How many there are of each look.
        endings: How the masks are called, as those of Cityscapes are ("labelids"), or "" for
            otherwise; and one that is.
        groups: Names of some masks of each group, for messages.
        sizes: How many there are of each group.
        perhaps_jpeg: Masks whose numbers may have gone through JPEG.
        singles: How many masks hold only this one number besides 0.
        single_paths: One of them.
        number_paths: A mask of each number.
        values: The numbers of masks with several.
        smeared: The grey levels of masks that went through JPEG or scaling.
        more_than_two: Whether a mask holds more numbers.
        beside_255: A mask that holds 255 beside another number, and the least of those.
        colors: In how many masks each colour turns up, but of those with soft edges.
        palette: Colour by number of palette images.
        palettes_differ: Whether two of them give a number different colours.
        opacity_colors: The colours of shapes that are in the opacity.
        zeros: Pixels of number 0, of masks that are not of colours.
        pixels: All pixels of those.
        numbered: Colours that have the numbers from 1 on already, in their order: a look at further
            masks gives new ones the numbers after them.
    """

    masks: int = 0
    looks: Counter[MaskLook] = field(default_factory=Counter)
    endings: dict[str, Path] = field(default_factory=dict)
    groups: dict[Group, list[Path]] = field(default_factory=dict)
    sizes: Counter[Group] = field(default_factory=Counter)
    perhaps_jpeg: list[Path] = field(default_factory=list)
    singles: Counter[int] = field(default_factory=Counter)
    single_paths: dict[int, Path] = field(default_factory=dict)
    number_paths: dict[int, Path] = field(default_factory=dict)
    values: set[int] = field(default_factory=set)
    smeared: set[int] = field(default_factory=set)
    more_than_two: bool = False
    beside_255: tuple[Path, int] | None = None
    colors: Counter[int] = field(default_factory=Counter)
    colour_files: int = 0
    palette: dict[int, Color] = field(default_factory=dict)
    palettes_differ: bool = False
    opacity_colors: set[Color] = field(default_factory=set)
    opacity_files: int = 0
    zeros: int = 0
    pixels: int = 0
    numbered: tuple[Color, ...] = ()
    _color_paths: dict[int, Path] = field(default_factory=dict)
    _pairs: dict[tuple[int, int], Path] = field(default_factory=dict)
    _voids: set[int] = field(default_factory=set)
    _root: Path | None = None
    _ids: int = 0
    _whole: int = 0
    _files: int = 0
    _consecutive: int = 0
    _most: int = 0
    _counts: set[int] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        paths: Iterable[Path],
        stop: Callable[[int, int], bool] = lambda _done, _total: False,
        kept: KeyValueFile | None = None,
    ) -> Evidence:
        """Look at masks.

        One that cannot be read is passed over: its image says so when it is opened.

        Args:
            paths: The files.
            stop: Told how many were looked at, of how many; True ends it. It may raise.
            kept: What was found out of files earlier; of those that changed since, nothing.
        """
        found = cls()
        wanted = list(paths)
        with ThreadPoolExecutor(_THREADS, "masks") as pool:
            done = 0
            while done < len(wanted) and not stop(done, len(wanted)):
                chunk = wanted[done : done + (_FIRST_AT_ONCE if kept is None else _AT_ONCE)]
                known = {} if kept is None else _known(chunk, kept)
                others = [path for path in chunk if path not in known]
                looked_at = done

                def check(done: int = looked_at) -> None:
                    stop(done, len(wanted))

                new = dict(zip(others, pool.map(partial(_facts, check=check), others), strict=True))
                for path, pages in {**known, **new}.items():
                    for facts in pages:
                        found.add(path, facts)
                if kept is not None:
                    _keep(new, kept)
                done += len(chunk)
        if kept is not None:
            kept.flush()
        return found

    def add(self, path: Path, facts: MaskFacts) -> None:
        """Take in one mask."""
        self.masks += 1
        if self._root is None:
            self._root = path.parent
        elif not path.is_relative_to(self._root):
            shared = (p for p in self._root.parents if path.is_relative_to(p))
            self._root = next(shared, path.parent)
        self.looks[facts.look] += 1
        called = _ENDING.search(path.stem)
        self.endings.setdefault(called[1].lower() if called else "", path)
        if facts.look in (MaskLook.COLOURS, MaskLook.BLURRED_COLOURS):
            self._group("colours", path)
            self.colour_files += 1
            if facts.look is MaskLook.COLOURS:  # those along soft edges are no class
                self.colors.update(facts.values)
                if len(self._color_paths) < _NAMED_COLOURS:
                    self._color_paths.update(dict.fromkeys(facts.values, path) | self._color_paths)
            return
        self.zeros += facts.zeros
        self.pixels += facts.pixels
        if facts.opacity:
            self.opacity_files += 1
            self.opacity_colors |= {facts.opacity_color} - {None}  # type: ignore[arg-type]
        if facts.stored_colours:
            self.colors.update(v << 16 | v << 8 | v for v in facts.values if 0 <= v <= 255)
        self._add_palette(facts)
        self._add_numbers(path, facts)

    def _add_palette(self, facts: MaskFacts) -> None:
        for number, color in facts.palette:
            if self.palette.setdefault(number, color) != color:
                self.palettes_differ = True

    def _add_numbers(self, path: Path, facts: MaskFacts) -> None:
        if facts.look is MaskLook.ONE:
            number = max(facts.values, key=abs)
            if facts.perhaps_jpeg:
                self.perhaps_jpeg.append(path)
            self.singles[number] += 1
            self.number_paths.setdefault(number, path)
            self.single_paths.setdefault(number, path)
            self._group("white" if is_white(number) else "single", path)
            if not is_white(number):
                self._add_pair(path, facts.values)
        elif facts.look is MaskLook.SOFT:
            self._group("white", path)
        elif facts.look in (MaskLook.SHADES, MaskLook.PHOTO):
            self._group("shades", path)
            self.smeared |= set(facts.values if facts.look is MaskLook.SHADES else ())
        elif facts.look is MaskLook.NUMBERS:
            self._group("numbers", path)
            if facts.perhaps_jpeg:
                self.perhaps_jpeg.append(path)
            self._add_several(path, facts)

    def _add_several(self, path: Path, facts: MaskFacts) -> None:
        self.values |= set(facts.values)
        for number in facts.values:
            self.number_paths.setdefault(number, path)
        self._add_pair(path, facts.values)
        numbers = {v for v in facts.values if v > 0}
        others = numbers - {255}
        if 255 in numbers and others and max(others) < 255 and 254 not in others:
            least = min(others)
            if self.beside_255 is None or least < self.beside_255[1]:
                self.beside_255 = (path, least)
            numbers = others
        numbers -= {IGNORED_16_BIT}
        self._files += 1
        self._ids += len(numbers)
        self._whole += min(facts.whole, len(numbers))
        self._consecutive += bool(numbers) and max(numbers) == len(numbers)
        self._most = max(self._most, len(numbers))
        self._counts.add(len(numbers))

    def _add_pair(self, path: Path, values: tuple[int, ...]) -> None:
        void = {-1, IGNORED_16_BIT}
        if 0 < min((v for v in values if v > 0), default=0) < GREY_LEVEL:
            void.add(255)
        numbers = [v for v in values if v not in void]
        if len(numbers) > 1:
            self._voids |= void.intersection(values)
            self.more_than_two |= len(numbers) > 2
        elif numbers and numbers[0]:
            numbers = list(values)  # of two numbers none is void unless other masks say so
        if len(numbers) == 2:
            self._pairs.setdefault((numbers[0], numbers[1]), path)

    def _group(self, group: Group, path: Path) -> None:
        self.sizes[group] += 1
        paths = self.groups.setdefault(group, [])
        if len(paths) < _EXAMPLES:
            paths.append(path)

    @property
    def pairs(self) -> dict[tuple[int, int], Path]:
        """The two numbers of masks that hold no more, ascending, and one that does.

        Without what is void beside several numbers in other masks, and black and white.
        """
        return {pair: path for pair, path in self._pairs.items() if not self._voids & {*pair}}

    @property
    def without_ground(self) -> bool:
        """Whether masks hold two numbers of which 0 is none."""
        return any(0 not in pair for pair in self.pairs)

    @property
    def numbers(self) -> set[int]:
        """All numbers of masks that hold numbers."""
        return {*self.values, *self.singles}

    @property
    def objects(self) -> Objects:
        """Whether the numbers are objects, by their shapes and how they run; never by depth.

        Objects are one region each and are numbered from 1 on, as many as there are; the numbers
        of classes come back in many places. Numbers that are one region each, few or with gaps
        between them, can be either.
        """
        if any(255 < v < IGNORED_16_BIT for v in self.numbers):
            return "yes"
        if not self._files or self._whole < 0.9 * self._ids:
            return "no"
        counted = self._consecutive >= 0.9 * self._files
        if (counted and self._most >= 10) or len(self.values) > 40:
            return "yes"
        if self._ids >= _MANY_WHOLE * self._files:
            return "maybe"  # as objects of which some were removed, or as organs
        return "maybe" if counted and (len(self._counts) > 1 or self._files == 1) else "no"

    @property
    def ids_in_colours(self) -> bool:
        """Whether colours are ids of 24 bits: each an object of one image, as in COCO panoptic."""
        colors = {key: n for key, n in self.colors.items() if key}
        if len(colors) > 255:
            return not self.looks[MaskLook.BLURRED_COLOURS]
        if self.colour_files < 3 or len(colors) < 2 * self.colour_files:
            return False
        return sum(n == 1 for n in colors.values()) >= 0.9 * len(colors)

    @property
    def maybe_ids_in_colours(self) -> bool:
        """Whether one or two masks have so many colours that each could be an object."""
        colors = {key: n for key, n in self.colors.items() if key}
        alone = sum(n == 1 for n in colors.values()) >= 0.9 * len(colors)
        return 0 < self.colour_files < 3 and len(colors) >= _MANY_COLOURS and alone

    def news(self, before: Evidence) -> str:
        """A mask that holds what earlier ones do not, by its name, and what that is; "" if none."""
        if self.beside_255 is not None and before.beside_255 is None:
            path, least = self.beside_255
            return f"{self.name_of(path)} (255 beside {least})"
        group = next((g for g in self.groups if g not in before.groups), None)
        if group is not None:
            return f"{self.name_of(self.groups[group][0])} ({GROUP_WORDS[group]})"
        number = min(self.number_paths.keys() - before.number_paths.keys(), default=None)
        if number is not None:
            return f"{self.name_of(self.number_paths[number])} (the number {number})"
        color = min(self._color_paths.keys() - before.colors.keys(), default=None)
        if color is not None:
            return f"{self.name_of(self._color_paths[color])} (the colour #{color:06X})"
        return ""

    def example(self, group: Group) -> str:
        """The name of a mask of a group, and how many others there are."""
        return self.named(self.groups[group][0], self.sizes[group])

    def named(self, path: Path, count: int) -> str:
        """The name of a mask, and how many others there are."""
        name = self.name_of(path)
        return f"{name} and {count - 1} more" if count > 1 else name

    def name_of(self, path: Path) -> str:
        """The name of a mask, from the folder that all of them lie in."""
        inside = self._root is not None and path.is_relative_to(self._root)
        return path.relative_to(self._root).as_posix() if self._root and inside else path.name


_NAMED_COLOURS: Final = 256
_MANY_COLOURS: Final = 6
"""With fewer in a mask or two nobody is asked whether they are ids of objects."""


def is_white(number: int) -> bool:
    """Whether a number that is alone in a mask stands for white and not for a class."""
    return 250 <= number <= 255 or number == IGNORED_16_BIT


def _known(paths: Iterable[Path], kept: KeyValueFile) -> dict[Path, list[MaskFacts]]:
    keys = {path: key for path in paths if (key := _key(path))}
    rows = kept.get(keys.values())
    found = {}
    for path, key in keys.items():
        pages = [MaskFacts.from_bytes(line) for line in rows.get(key, b"").splitlines()]
        if pages and None not in pages:
            found[path] = [page for page in pages if page is not None]
    return found


def _keep(new: Mapping[Path, list[MaskFacts]], kept: KeyValueFile) -> None:
    keys = {path: key for path in new if (key := _key(path)) and new[path]}
    kept.put({key: b"\n".join(f.to_bytes() for f in new[path]) for path, key in keys.items()})


def _key(path: Path) -> bytes:
    """Another one if the file is another; empty if there is none."""
    try:
        status = path.stat()
    except OSError:
        return b""
    text = f"{_VERSION}|{path}|{status.st_mtime_ns}|{status.st_size}"
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _facts(path: Path, check: Check) -> list[MaskFacts]:
    """What each page of a mask holds: the first of a stack is often empty."""
    found: list[MaskFacts] = []
    with contextlib.suppress(SegstudioError):
        pages = range(mask_pages(path))
        found.extend(MaskFacts.of(read_mask_file(path, page), check) for page in pages)
    return found
