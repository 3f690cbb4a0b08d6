"""Options that several commands have, said in the same words everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Missing(StrEnum):
    """What ground truth without a prediction counts as."""

    IGNORE = "ignore"
    BACKGROUND = "background"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Model = Annotated[
    str | None, typer.Option("--model", help="Id of the model, see: segstudio models")
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="Your own weights, for the model or instead of it."),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Schema = Annotated[
    Path | None, typer.Option("--schema", help="Classes (segstudio.json).", metavar="FILE")
]
Ignore = Annotated[
    int | None,
    typer.Option("--ignore", min=0, max=255, help="Ground truth id that counts nowhere."),
]
Boundary = Annotated[bool, typer.Option("--boundary", help="Tell the IoU of the boundaries too.")]
Hausdorff = Annotated[
    bool,
    typer.Option("--hausdorff", help="Tell how far apart outlines are: 95th percentile, px."),
]
Instances = Annotated[
    bool, typer.Option("--instances", help="Tell the average precision of objects.")
]
Panoptic = Annotated[
    bool, typer.Option("--panoptic", help="Tell the panoptic quality, PQ, SQ and RQ.")
]
FiguresReport = Annotated[
    Path | None,
    typer.Option("--report", help="Write a report of all figures as HTML.", metavar="FILE"),
]
