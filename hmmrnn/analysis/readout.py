"""Angles of the readout: the rows of W_out with the plane of the orbit and with each other.

    angle_a = arccos(|C w_a| / |w_a|)        w_a: row a of W_out        C: (2, N) directions of the plane

0 degrees: the row lies in the plane, so the output depends on the place in the plane alone. A random row of N
neurons is nearly perpendicular to any plane: the mean of its squared cosine is 2 / N.

Source: Torre et al. (2025), section 4 (readout along the orbit).
"""

from dataclasses import dataclass

import numpy as np

from hmmrnn.analysis.orbit import Plane, check_plane
from hmmrnn.model.network import Floats, Network, Result


@dataclass(frozen=True, eq=False)
class ReadoutAngles(Result):
    """How the O rows of W_out lie to the plane of PC1 and PC2 and to each other, in degrees."""

    angle: Floats  # (O,) with the plane, 0 to 90; NaN for a row of zeros, here and below
    direction: Floats  # (O,) of the row's shadow on the plane, 0 to 360, from PC1 towards PC2
    between: Floats  # (O, O) angles between rows, 0 to 180
    length: Floats  # (O,) Euclidean length of each row, in logits per unit of activity
    random_angle: float  # the angle of a row whose squared cosine is that of a random one, 2 / N


def readout_angles(network: Network, plane: Plane) -> ReadoutAngles:
    """Measure the angles of the readout with the plane of PC1 and PC2.

    Raises:
        ValueError: the plane is of another number of neurons or has fewer than two directions.
    """
    check_plane(network, plane)
    length = np.linalg.norm(network.W_out, axis=1)
    rows = network.W_out / np.where(length > 0, length, np.nan)[:, None]
    x, y = plane.components[:2] @ rows.T
    return ReadoutAngles(
        angle=np.degrees(np.arccos(np.minimum(np.hypot(x, y), 1.0))),
        direction=np.mod(np.degrees(np.arctan2(y, x)), 360.0),
        between=np.degrees(np.arccos(np.clip(rows @ rows.T, -1.0, 1.0))),
        length=length,
        random_angle=float(np.degrees(np.arccos(np.sqrt(min(1.0, 2 / network.n_neurons))))),
    )
