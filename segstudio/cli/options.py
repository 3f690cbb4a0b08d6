"""Options that several commands have, said in the same words everywhere."""

from __future__ import annotations

import shlex
from copy import copy
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from typer.core import TyperCommand

from segstudio.cli.exit_codes import input_errors
from segstudio.storage.folders import require_folder
from segstudio.storage.truth_kinds import KINDS, TruthKind

if TYPE_CHECKING:
    from segstudio.metrics.measure import AnyMeasure
    from segstudio.storage.mask_pattern import ChosenMasks


_MEASURES: Final = "measures"
_LINE: Final = "line"


class Missing(StrEnum):
    """What ground truth without a prediction counts as."""

    IGNORE = "ignore"
    BACKGROUND = "background"


class PageChoice(StrEnum):
    """Which pages of a stack, or frames of an animation, are segmented."""

    FIRST = "first"
    ALL = "all"


class SplitChoice(StrEnum):
    """How images are parted into those to train on, to judge by, and to prove it on."""

    SEED = "seed"
    FOLDER = "folder"


class Zero(StrEnum):
    """What class 0 is."""

    AUTO = "auto"
    BACKGROUND = "background"
    CLASS = "class"
    OBJECT = "object"

    @property
    def said(self) -> Literal["background", "class", "object"] | None:
        """The same for `truth.ReadAs`; None is found out."""
        return _ZEROS[self]


def _kind_of(word: str) -> TruthKind | None:
    found = {kind.option: kind.key for kind in KINDS.values()}
    if word not in found and word != AUTO:
        words = ", ".join(map(repr, (AUTO, *found)))
        raise typer.BadParameter(f"{word!r} is not one of {words}.")
    return found.get(word)


_ZEROS: dict[Zero, Literal["background", "class", "object"] | None] = {
    Zero.AUTO: None,
    Zero.BACKGROUND: "background",
    Zero.CLASS: "class",
    Zero.OBJECT: "object",
}
AUTO = "auto"
"""The word for what is found out."""
_KIND_HELP = (
    f"{', '.join(f'{kind.name} ({kind.option})' for kind in KINDS.values())}; else it is found out."
)


def _kind_option(name: str, whose: str) -> Any:
    return typer.Option(
        name,
        help=f"What {whose} values are: {_KIND_HELP}",
        parser=_kind_of,
        metavar=f"<{'|'.join((AUTO, *(kind.option for kind in KINDS.values())))}>",
    )


TruthKindOption = Annotated[str | None, _kind_option("--truth-kind", "the ground truth's")]
PredKindOption = Annotated[str | None, _kind_option("--pred-kind", "the predictions'")]
ZeroOption = Annotated[
    Zero,
    typer.Option(
        "--class-0",
        help="What class 0 of the ground truth is: background, a class like the others, or (of "
        "black and white) the object. Where --schema gives the classes, its names say it.",
    ),
]

Gt = Annotated[
    Path | None,
    typer.Option("--gt", help="Folder of ground truth masks; else those found.", metavar="DIR"),
]
Pattern = Annotated[
    str | None,
    typer.Option(
        "--pattern",
        help="How the names of the masks are made of the images' names: {stem}_L.png",
        metavar="PATTERN",
    ),
]


def chosen_masks(gt: Path | None, pattern: str | None) -> ChosenMasks:
    """The masks that --gt and --pattern name.

    Raises:
        InputError: if the folder is missing or the pattern is none.
    """
    from segstudio.storage.mask_pattern import ChosenMasks, MaskPattern

    with input_errors():
        if gt is not None:
            require_folder(gt)
        named = None if pattern is None else MaskPattern(pattern)
    return ChosenMasks(None if gt is None else gt.absolute(), named)


def _fold_of(text: str) -> tuple[int, int]:
    number, slash, folds = text.partition("/")
    if not (slash and number.isdecimal() and folds.isdecimal() and 1 <= int(number) <= int(folds)):
        raise typer.BadParameter(f"{text!r} is no fold; say 1/4 for the first of four.")
    return int(number), int(folds)


Fold = Annotated[
    Any,
    typer.Option(
        "--fold",
        help="For cross-validation: hold out one of so many parts, 1/4 say, then 2/4 and so on.",
        parser=_fold_of,
        metavar="N/K",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Id of the model (see: segstudio models) or of a named run, or a file of your own.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="Your own weights, for the model or instead of it."),
]
Choices = Annotated[
    list[str],
    typer.Option(
        "--set",
        help="What a file of weights does not tell about its network, and channels=4,3,2: the "
        "stored channels that it gets; may be given several times.",
        metavar="NAME=VALUE",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Exact = Annotated[
    bool,
    typer.Option(
        "--exact", help="Run models exactly in float32, not the fastest way that answers alike."
    ),
]
Schema = Annotated[
    Path | None, typer.Option("--schema", help="Classes (segstudio.json).", metavar="FILE")
]
Ignore = Annotated[
    int | None,
    typer.Option("--ignore", min=0, max=255, help="Ground truth id that counts nowhere."),
]
FiguresReport = Annotated[
    Path | None,
    typer.Option("--report", help="Write a report of all figures as HTML.", metavar="FILE"),
]


class MeasuringCommand(TyperCommand):
    """A command that has a flag for each measure; `measures_of` tells which were given.

    `line_of` tells the whole line, for those who want to repeat it.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember the line before it is taken apart."""
        ctx.meta[_LINE] = shlex.join(["segstudio", str(ctx.info_name), *args])
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """Add the flags, which are read where they are needed: they import what measures need."""
        from segstudio.metrics.image_figures import MEASURES

        def remember(context: Any, option: Any, is_given: Any) -> None:
            if is_given:
                context.meta.setdefault(_MEASURES, []).append(option.name)

        params = super().get_params(ctx)
        at = next(n for n, param in enumerate(params) if param.name == "as_json")
        flags = []
        for measure in MEASURES:
            if measure.option:
                flag: Any = copy(params[at])
                flag.name, flag.opts, flag.help = (
                    measure.option,
                    [f"--{measure.option}"],
                    measure.help,
                )
                flag.expose_value, flag.callback = False, remember
                flags.append(flag)
        return [*params[:at], *flags, *params[at:]]


def measures_of(context: typer.Context) -> tuple[AnyMeasure, ...]:
    """The measures whose flags were given."""
    from segstudio.metrics.image_figures import MEASURES

    given = context.meta.get(_MEASURES, ())
    return tuple(m for m in MEASURES if m.option in given)


def line_of(context: typer.Context) -> str:
    """The line that the command was called with, as a shell takes it."""
    return str(context.meta[_LINE])
