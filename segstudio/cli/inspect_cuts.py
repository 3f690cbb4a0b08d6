"""The part of `segstudio inspect` that cuts skips: `--ablate` and `--how`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from segstudio.cli.exit_codes import InputError
from segstudio.cli.output import print_line, print_table, progress_bar, score
from segstudio.core.errors import SegstudioError
from segstudio.core.features import CutHow, EdgeCut, FeatureTrace
from segstudio.core.progress import no_check
from segstudio.core.schema import LabelSchema
from segstudio.inspection.skip_runs import CutReference, cut_runs, skip_runs
from segstudio.metrics.cut_costs import ALL_SKIPS, AblationRow, NamedCuts

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel


def how_of(name: str | None, ablate: str | None) -> CutHow:
    """What stands in for what is cut.

    Raises:
        InputError: if there is no such way, or nothing is cut.
    """
    if name is None:
        return CutHow.ZERO
    if ablate is None:
        raise InputError("--how says how to cut what --ablate names.", "Give --ablate, too.")
    try:
        return CutHow(name)
    except ValueError as error:
        names = ", ".join(how.value for how in CutHow)
        raise InputError(f"There is no way to cut called {name!r}.", f"Use {names}.") from error


def wanted_runs(found: FeatureTrace, name: str | None, how: CutHow) -> tuple[NamedCuts, ...]:
    """What is cut in each run.

    Raises:
        InputError: if there is no such skip; lists those there are.
    """
    if name is None:
        return ()
    if name == ALL_SKIPS:
        return skip_runs(found, how)
    try:
        edge = found.skip(name)
    except SegstudioError as error:
        hint = error.hint if found.skips else f"{found.model} has no skips."
        raise InputError(f"There is no single skip {name!r}.", hint) from error
    return (NamedCuts(edge.id, (EdgeCut(edge, how),)),)


def ablation_rows(
    traced_model: TracedModel, runs: tuple[NamedCuts, ...], reference: CutReference, how: CutHow
) -> list[dict[str, Any]]:
    """What each of the runs does to the class map, and to its scores where there is truth.

    Raises:
        SegstudioError: if the network does not run on the image.
    """
    if not runs:
        return []
    window = traced_model.input_geometry.window
    if reference.labels is not None:
        reference = replace(reference, labels=reference.labels[window.slices])
    rows = []
    with progress_bar("Cutting") as show:
        show(0, len(runs) + 1)
        for done, run in enumerate(cut_runs(traced_model, runs, reference, lambda: no_check), 1):
            show(done, len(runs) + 1, run.counts.run.name)
            rows.append(_as_json(run.counts.row(reference.schema), reference.schema, how))
    return rows


def print_ablations(rows: list[dict[str, Any]], truth: str | None) -> None:
    """Print a table of the rows."""
    classes = [entry["name"] for entry in rows[0]["classes"]]
    print_line(f"\nwith a skip cut ({rows[0]['how']})")
    columns = [f"{figure} {name}" for name in classes for figure in ("IoU", "boundary IoU")]
    print_table(
        ("skip", "changed pixels", *columns),
        [
            (
                row["skip"],
                f"{row['changed_share']:.2%}",
                *(
                    f"{score(entry[figure])} -> {score(entry[f'{figure}_cut'])}"
                    for entry in row["classes"]
                    for figure in ("iou", "boundary_iou")
                ),
            )
            for row in rows
        ],
    )
    print_line(f"ground truth: {truth}" if truth else "no ground truth beside the image")


def _as_json(row: AblationRow, schema: LabelSchema, how: CutHow) -> dict[str, Any]:
    data: dict[str, Any] = {
        "skip": row.name,
        "how": how.value,
        "changed_pixels": row.changed_pixels,
        "changed_share": row.changed_share,
        "classes": [],
    }
    if row.before is None or row.after is None:
        return data
    before, after = row.before, row.after
    data["classes"] = [
        {
            "id": class_id,
            "name": schema.name_of(class_id),
            **_pair("iou", before.metrics.iou[i], after.metrics.iou[i]),
            **_pair("dice", before.metrics.dice[i], after.metrics.dice[i]),
            **_pair("boundary_iou", before.boundary_iou[i], after.boundary_iou[i]),
        }
        for i, class_id in enumerate(before.metrics.class_ids)
    ]
    means = {
        "mean_iou": (before.metrics.mean_iou, after.metrics.mean_iou),
        "mean_dice": (before.metrics.mean_dice, after.metrics.mean_dice),
        "mean_boundary_iou": (before.mean_boundary_iou, after.mean_boundary_iou),
    }
    if before.foreground is not None:
        leading = zip(means, before.leading, after.leading, strict=True)
        means = {f"{name}_foreground": (whole, cut) for name, whole, cut in leading} | means
    for name, pair in means.items():
        data |= _pair(name, *pair)
    return data


def _pair(name: str, before: float, after: float) -> dict[str, float]:
    return {
        name: float(before), f"{name}_cut": float(after), f"{name}_change": float(after - before)
    }  # fmt: skip
