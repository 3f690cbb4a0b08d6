"""`segstudio models`: what can be run."""

from __future__ import annotations

from typing import Any

from segstudio.cli.exit_codes import OK
from segstudio.cli.loading import known_models
from segstudio.cli.output import print_json, print_line, print_table
from segstudio.core.formatting import bytes_text
from segstudio.core.prediction import ModelSpec
from segstudio.models.weights import find_weights, weights_folder


def list_models(*, as_json: bool) -> int:
    """Print all models; torch is not needed for it."""
    specs = list(known_models().values())
    if as_json:
        print_json([_entry(spec) for spec in specs])
        return OK
    print_table(
        ("id", "family", "task", "classes", "weights"),
        [(s.id, s.family, s.task, str(len(s.schema.classes)), _weights_text(s)) for s in specs],
    )
    print_line(f"\nWeights are kept in {weights_folder()}")
    return OK


def _entry(spec: ModelSpec) -> dict[str, Any]:
    path = find_weights(spec)
    return {
        "id": spec.id,
        "title": spec.title,
        "family": spec.family,
        "task": spec.task,
        "classes": [c.name for c in spec.schema.classes],
        "class_ids": list(spec.schema.ids),
        "embedded": spec.embedded,
        "own": bool(spec.own_file),
        "weights": {
            "file": spec.weights.filename if spec.weights else None,
            "on_disk": path is not None,
            "path": None if path is None else str(path),
            "url": (spec.weights.url or None) if spec.weights else None,
            "bytes": spec.weights.size if spec.weights else 0,
        },
        "licence": spec.licence,
        "description": spec.description,
        "metrics": dict(spec.metrics),
    }


def _weights_text(spec: ModelSpec) -> str:
    if find_weights(spec) is not None:
        return "embedded" if spec.embedded else spec.own_file or "on disk"
    if spec.own_file:
        return f"missing: {spec.own_file}"
    if spec.weights is None or not spec.weights.url:
        return "missing"
    return f"download, {bytes_text(spec.weights.size)}"
