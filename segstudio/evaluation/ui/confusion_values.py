"""The confusion matrix as it is shown: which classes, which numbers, how strong a colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from segstudio.core.formatting import DASH, count_text, percent_text
from segstudio.core.schema import LabelSchema
from segstudio.core.text import safe_cells
from segstudio.kit.heat_map import Cell
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.confusion import ConfusionMatrix

_THOUSANDS: Final = ("", "k", "M", "G", "T")


@dataclass(frozen=True, eq=False)
class ConfusionValues:
    """What the cells say.

    Attributes:
        ids: The classes of rows and columns, K of them.
        names: Their names.
        counts: (K, K) int64 pixels, rows are the annotation, columns the prediction.
        shares: (K, K) shares of the row's pixels, 0..1; NaN in rows without pixels.
        as_shares: Whether shares are written, or counts.
        errors_only: Whether the diagonal is left out.
    """

    ids: tuple[int, ...]
    names: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    shares: Numbers
    as_shares: bool = True
    errors_only: bool = False

    @classmethod
    def of(
        cls,
        matrix: ConfusionMatrix,
        schema: LabelSchema,
        *,
        as_shares: bool = True,
        errors_only: bool = False,
    ) -> ConfusionValues:
        """The classes that occur, in the order of their ids.

        Args:
            matrix: Of the folder.
            schema: Names of the classes.
            as_shares: Write shares of the rows instead of pixels.
            errors_only: Leave out the diagonal.
        """
        occurs = (matrix.counts.sum(axis=0) + matrix.counts.sum(axis=1)) > 0
        ids = np.flatnonzero(occurs)
        counts = matrix.counts[np.ix_(ids, ids)]
        rows = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, rows, out=np.full(counts.shape, np.nan), where=rows > 0)
        found = tuple(int(i) for i in ids)
        names = tuple(schema.name_of(i) for i in found)
        return cls(found, names, counts, shares, as_shares, errors_only)

    @property
    def size(self) -> int:
        return len(self.ids)

    def is_shown(self, cell: Cell) -> bool:
        """Whether the cell says anything."""
        return not (self.errors_only and cell[0] == cell[1]) and not np.isnan(self.shares[cell])

    @property
    def highest(self) -> float:
        """The value that gets the strongest colour: a share, or pixels."""
        values = self.shares if self.as_shares else self.counts.astype(np.float64)
        shown = ~np.isnan(self.shares)
        if self.errors_only:
            shown = shown & ~np.eye(self.size, dtype=np.bool_)
        return (
            float(values[shown].max(initial=0.0)) if self.errors_only or not self.as_shares else 1.0
        )

    def strength(self, cell: Cell) -> float:
        """0..1: the colour of a cell. The root of the value, so that small errors are seen too."""
        value = self.shares[cell] if self.as_shares else float(self.counts[cell])
        return float(np.sqrt(value / self.highest)) if self.highest > 0 else 0.0

    def text(self, cell: Cell, *, is_short: bool = False) -> str:
        """The number of a cell, with as few characters as that takes if it is to be short."""
        if np.isnan(self.shares[cell]):
            return DASH
        if not self.as_shares:
            return compact(int(self.counts[cell]))
        share = 100 * float(self.shares[cell])
        if is_short or share >= 99.95:
            return "<1" if 0 < share < 0.5 else f"{share:.0f}"
        return "<0.1" if 0 < share < 0.05 else f"{share:.1f}"

    def both(self, cell: Cell) -> tuple[str, str]:
        """Share and pixels of a cell, the number that is asked for first."""
        share, pixels = percent_text(float(self.shares[cell])), count_text(int(self.counts[cell]))
        return (share, pixels) if self.as_shares else (pixels, share)

    def sentence(self, cell: Cell) -> str:
        """What a cell says, for the list beside it."""
        truth, said = (self.names[n] for n in cell)
        return f"{truth} found" if cell[0] == cell[1] else f"{truth} taken for {said}"

    def tip(self, cell: Cell) -> str:
        """What a cell says, for tool tips and screen readers."""
        pixels = count_text(int(self.counts[cell]))
        truth = self.names[cell[0]]
        lines = [self.sentence(cell), f"{pixels} pixels"]
        if not np.isnan(self.shares[cell]):
            lines[1] += f", {percent_text(float(self.shares[cell]))} of {truth}"
        if self.counts[cell]:
            lines.append("Click to list the images")
        return "\n".join(lines)

    @property
    def table(self) -> str:
        """The numbers with tabs between them, for a spreadsheet."""
        values = self.shares if self.as_shares else self.counts
        lines = ["\t".join(safe_cells(("annotated \\ predicted", *self.names)))]
        for name, row in zip(self.names, values.tolist(), strict=True):
            cells = (f"{v:.6f}" if isinstance(v, float) else f"{v}" for v in row)
            lines.append("\t".join(safe_cells((name, *cells))))
        return "".join(f"{line}\n" for line in lines)


def compact(value: int) -> str:
    """A count in at most four characters and a letter: "986", "12.3k", "4.05M"."""
    number, letter = float(value), 0
    while number >= 999.5 and letter < len(_THOUSANDS) - 1:
        number, letter = number / 1000, letter + 1
    if not letter:
        return f"{value}"
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:.{digits}f}{_THOUSANDS[letter]}"
