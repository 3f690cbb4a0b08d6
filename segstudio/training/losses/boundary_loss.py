"""Boundary loss: how far outside its region a class is found.

Kervadec et al., "Boundary loss for highly unbalanced segmentation" (MIDL 2019,
https://arxiv.org/abs/1812.07032): probabilities times the signed distance to the edge of the true
region, below 0 inside, as in the authors' code (where a pixel at the edge has 1 outside and 0
inside). Two things differ: distances are parts of the crop's longer side, so that the loss keeps
its place in a sum at any size of the crop; and an image is counted for the classes that have an edge
in it, as one that is absent, or all there is, has no distances. Ignored pixels are of no region and
make no edge. The least value is below 0.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from segstudio.training.losses.made_loss import RegionLoss, Regions


class Boundary(RegionLoss):
    """The mean over pixels and classes of p times the signed distance."""

    def of_regions(self, regions: Regions) -> Tensor:
        """About 0: positive where classes are found far outside, negative where inside."""
        counted = regions.counted[:, 0].detach().cpu().numpy() > 0
        wanted = regions.wanted.detach().cpu().numpy() > 0
        distances = np.zeros(wanted.shape, np.float32)
        pixels = 0
        for image, number in np.ndindex(wanted.shape[:2]):
            signed = signed_distances(wanted[image, number], counted[image])
            if signed is not None:
                distances[image, number] = signed / max(signed.shape)
                pixels += int(counted[image].sum())
        weighted = torch.from_numpy(distances).to(regions.found) * regions.found
        return weighted.sum() / max(1, pixels)


def signed_distances(
    region: npt.NDArray[np.bool_], counted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32] | None:
    """How far each pixel (H, W) lies outside a region, in pixels; None if the region has no edge.

    A pixel inside has 1 - its distance to the nearest one that counts and is not of the region.
    Ignored pixels have 0.
    """
    others = counted & ~region
    if not region.any() or not others.any():
        return None
    signed = np.where(region, 1 - _distance_to(others), _distance_to(region))
    return np.where(counted, signed, 0).astype(np.float32)


def _distance_to(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away, np.float32)
