"""What the values of masks can be said to mean: by a person, by a decision, as a question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from segstudio.core.schema import Color, LabelSchema
from segstudio.core.text import enumerated
from segstudio.storage.mask_evidence import IGNORED_16_BIT
from segstudio.storage.truth_kinds import KINDS, TruthKind

Zero = Literal["background", "class", "object"]
ZEROS: Final[tuple[Zero, ...]] = ("background", "class", "object")

WAY_TO_SAY: Final = (
    "Say what the masks hold: File > Read masks as, or --truth-kind and --pred-kind on the "
    "command line."
)


@dataclass(frozen=True)
class ReadAs:
    """What a person said of the masks; None is left to the program.

    Attributes:
        kind: What the values are.
        zero: What class 0 is: no object; a class like the others; or, of masks with two values,
            the object itself (black on white).
        ignored: The number that counts nowhere, where the masks do not tell: 255 alone among
            class ids.
    """

    kind: TruthKind | None = None
    zero: Zero | None = None
    ignored: int | None = None


NOTHING_SAID: Final = ReadAs()


@dataclass(frozen=True)
class Coding:
    """How mask values are read.

    Attributes:
        kind: "index": values are class ids; "binary": what is not black is the object;
            "colour": each colour is a class; "instances": values are instance ids;
            those with a `ValueKind.unit`: values are a class and an object.
        colors: Class ids by colour (r, g, b), for colour-coded masks; 0 and 1 where a person said
            that what is not black is the object.
        ignored: Numbers that count nowhere; they become the ignore index.
        opacity: Whether shapes are in the opacity.
        palettes: Whether the colours of palettes are the classes, and not their indices.
        inverted: Whether black is the object and the rest is background.
        pairs: The numbers of background and object in masks of two numbers, where some hold no 0
            and a person said that they are black and white.
        white: Whether black-and-white masks can be read so too.
        coloured: Whether masks of colours can be read so too.
        said: Whether a person chose the kind: then what could be otherwise is not doubted.
        segments: Which file says what the colours of objects are, "" if none does.
        undecided: Why no mask is read until a person says what they hold, "" if they are.
    """

    kind: TruthKind
    colors: tuple[tuple[Color, int], ...] = field(default=())
    ignored: tuple[int, ...] = ()
    opacity: bool = False
    palettes: bool = False
    inverted: bool = False
    pairs: tuple[tuple[int, int], ...] = ()
    white: bool = True
    coloured: bool = True
    said: bool = False
    segments: str = ""
    undecided: str = ""

    @property
    def unit(self) -> int:
        """What the class is multiplied by in numbers of class and object; 0 in others."""
        return KINDS[self.kind].unit

    @property
    def in_words(self) -> str:
        """What the values are read as, for people."""
        void = [str(v) for v in self.ignored if v in (-1, 255, IGNORED_16_BIT)]
        more = ["black is the object"] if self.inverted else []
        if void:
            more.append(f"{enumerated(void)} {'counts' if len(void) == 1 else 'count'} nowhere")
        return KINDS[self.kind].name + (f" ({', '.join(more)})" if more else "")

    def class_of(self, number: int) -> int:
        """The class that a number of a mask says."""
        if not self.unit or number < 0 or number == IGNORED_16_BIT:
            return number
        is_class = KINDS[self.kind].below and number < self.unit
        return number if is_class else number // self.unit


@dataclass(frozen=True)
class Doubt:
    """Something that the masks do not tell, or in which they do not agree.

    Attributes:
        about: "void": masks of which nothing counts; "zero": what class 0 is; "objects": whether numbers are classes or objects;
            "levels": whether 255 is a class or ignored; "codings": whether the numbers of masks
            that never hold 0 or only two are classes, or background and object; "codes": whether
            numbers are class and object in one; "jpeg": whether the numbers went through JPEG;
            "names": whether classes are those of a published
            data set; "mixed": masks that are not read.
        message: It, in a sentence, and how it is read until someone says otherwise.
        hint: What to do in the window.
        option: What to do on the command line.
        answers: What a person may say, two at most, each with its words.
    """

    about: Literal[
        "void", "zero", "objects", "levels", "codings", "codes", "jpeg", "names", "mixed"
    ]
    message: str
    hint: str
    option: str = ""
    answers: tuple[tuple[str, ReadAs], ...] = ()


@dataclass(frozen=True)
class Decision:
    """What the values of a folder's masks mean.

    Attributes:
        coding: How they are read.
        schema: The classes that were given or, without any, found.
        doubts: What is to be asked.
    """

    coding: Coding
    schema: LabelSchema
    doubts: tuple[Doubt, ...] = ()
