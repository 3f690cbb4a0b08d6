"""The shape trace as text."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from segstudio.core.features import LayerInfo, ReceptiveField, Role, Site
from segstudio.core.operators import Operator, OperatorKind
from segstudio.report.shape_table import field_text, shape_csv

FIELD = ReceptiveField((14, 18), (0.5, 0.5), (2.0, 2.0))
STAGE = LayerInfo(
    "down1", "net.down1", Role.ENCODER, (8, 16, 24), 2, 1234, 567_000, 0.0125, FIELD, ("inc",),
    Site("net.down1", "relu"),
    operators=(
        Operator(OperatorKind.CONVOLUTION, (3, 3)),
        Operator(OperatorKind.MAX_POOLING, (2, 2), (2, 2)),
        Operator(OperatorKind.CONVOLUTION, (3, 3)),
    ),
)  # fmt: skip


def test_a_row_says_what_the_stage_is():
    (row,) = csv.DictReader(io.StringIO(shape_csv([STAGE])))
    assert row == {
        "stage": "down1",
        "role": "encoder",
        "height": "16",
        "width": "24",
        "channels": "8",
        "stride": "2",
        "parameters": "1234",
        "multiply_adds": "567000",
        "receptive_field": "14 x 18",
        "memory_bytes": str(2 * 8 * 16 * 24),
        "milliseconds": "12.500",
        "operations": "2 \u00d7 conv 3 \u00d7 3; max pool 2 \u00d7 2, stride 2",
    }


def test_names_with_separators_stay_in_their_cell():
    odd = replace(STAGE, id='a,b "c"\td')
    for separator in (",", "\t"):
        table = list(csv.reader(io.StringIO(shape_csv([odd], separator)), delimiter=separator))
        assert table[1][0] == r'a,b "c"\td'
        assert len(table[0]) == len(table[1])


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (FIELD, "14 x 18"),
        (replace(FIELD, is_global=True), "14 x 18 +"),
        (replace(FIELD, is_global=True, has_local=False), "whole image"),
        (None, "-"),
    ],
)
def test_the_receptive_field_in_words(field, text):
    assert field_text(replace(STAGE, receptive_field=field), "-") == text
