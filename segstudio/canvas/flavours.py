"""The ways to look at what has objects: by class, by object, by both.

By class it is seen as any label map. In the others an object decides its colour, by a table of as
many tones as can be told apart. One rule holds for what is painted and what a model found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segstudio.canvas.photo import Pixels
from segstudio.canvas.planes import StillMap, coloured, edges, premultiplied
from segstudio.canvas.sampling import Sampler
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.core.object_tones import OBJECT_COLORS, Tones, plain_tones
from segstudio.core.prediction import Prediction
from segstudio.session.session import Flavour

_ENTRIES = 512
"""Of a tone: the colours of regions by class id, then those of outlines."""
_SHIFT = np.uint16(9)
"""The number of a tone, moved by this, is where it begins in the table."""
_EDGE = 256
_SHADES = (0.0, 0.3, -0.25, 0.45, -0.4)
"""How far a class's colour goes towards white, or towards black; the first is the class's own."""


@dataclass(frozen=True, eq=False)
class ObjectPlane:
    """A label map in which colours depend on the object, too.

    Attributes:
        source: The label map; it has objects.
        colours: (tones + 1, 512) premultiplied colours: of what is no object, then of each tone,
            regions by class id and then outlines.
        outline_px: Width of outlines in device pixels; 0 for none.
        tones: (65536,) which tone each object has; None: by its number. May change meanwhile.
    """

    source: LabelMap | StillMap
    colours: Pixels
    outline_px: int
    tones: Tones | None = None

    @property
    def reach(self) -> int:
        """The outline of the regions around a change follows it."""
        return self.outline_px

    def take(self, sampler: Sampler, rect: Rect) -> Pixels:
        """Fill where there is no edge, line where there is one."""
        wide = rect.expand(self.outline_px).intersect(sampler.visible)
        objects = self.source.instances
        assert objects is not None
        labels, ids = sampler.take(self.source.labels, wide), sampler.take(objects, wide)
        top, left = rect.top - wide.top, rect.left - wide.left
        inner = (slice(top, top + rect.height), slice(left, left + rect.width))
        tones = plain_tones(len(self.colours) - 1) if self.tones is None else self.tones
        found = tones.take(ids[inner])
        found <<= _SHIFT
        found |= labels[inner]
        if self.outline_px:
            edge = edges(labels, self.outline_px, ids)[inner]
            found |= edge.astype(np.uint16) << np.uint16(8)
        return coloured(self.colours.reshape(-1), found)


def has_objects(prediction: Prediction | None) -> bool:
    """Whether the flavours of a prediction differ."""
    return prediction is not None and prediction.instance_ids is not None


def toned(table: npt.NDArray[np.uint8], flavour: Flavour) -> Pixels:
    """Colours of an `ObjectPlane`; what is no object has the colour of its class.

    Args:
        table: (512, 4) RGBA of the classes: of regions, then of outlines.
        flavour: By object, or by both.
    """
    if flavour is Flavour.INSTANCE:
        tones = np.repeat(table[None], len(OBJECT_COLORS) + 1, axis=0)
        tones[1:, :, :3] = np.array(OBJECT_COLORS, np.uint8)[:, None]
    else:
        tones = np.repeat(table[None], len(_SHADES) + 1, axis=0)
        for tone, share in zip(tones[1:], _SHADES, strict=True):
            aim = 255 if share > 0 else 0
            fill = tone[:_EDGE, :3].astype(np.float32)
            tone[:_EDGE, :3] = np.rint(fill + (aim - fill) * abs(share))
    return premultiplied(tones.reshape(-1, 4)).reshape(len(tones), _ENTRIES)
