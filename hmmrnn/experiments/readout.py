"""Does the readout look along the orbit? Angles of the rows of W_out with the plane and with each other.

    angle_a = arccos(|C w_a| / |w_a|)        w_a: row a of W_out        C: (2, N) directions of the plane

0 degrees: the row lies in the plane, so the output is read from nothing but the place on the orbit. A random row of N
neurons is nearly perpendicular to any plane: the mean of its squared cosine is 2 / N.

Source: Torre et al. (2025), section 4 (readout along the orbit).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmmrnn.network import Floats, Network
from hmmrnn.statespace import Plane


@dataclass(frozen=True, eq=False)
class ReadoutAngles:
    """How the O rows of W_out lie to the plane of PC1 and PC2 and to each other, in degrees.

    Attributes:
        angle: (O,) with the plane, 0 to 90; NaN for a row of zeros, here and below.
        direction: (O,) of the row's shadow on the plane, 0 to 360, from PC1 towards PC2.
        between: (O, O) angles between rows, 0 to 180.
        length: (O,) Euclidean length of each row, in logits per unit of activity.
        random_angle: the angle of a row whose squared cosine is that of a random one, 2 / N.
    """

    angle: Floats
    direction: Floats
    between: Floats
    length: Floats
    random_angle: float


def readout_angles(network: Network, plane: Plane) -> ReadoutAngles:
    """Measure the angles of the readout with the plane of PC1 and PC2.

    Args:
        network: intact or intervened upon; an intervention leaves W_out as it is.
        plane: of the intact network.

    Raises:
        ValueError: the plane is of another number of neurons or has fewer than two directions.
    """
    n = network.n_neurons
    if plane.components.shape[1] != n or len(plane.components) < 2:
        raise ValueError(f"plane must have 2 or more directions of {n} neurons; got {plane.components.shape}")
    length = np.linalg.norm(network.W_out, axis=1)
    rows = network.W_out / np.where(length > 0, length, np.nan)[:, None]
    x, y = plane.components[:2] @ rows.T
    arrays = {
        "angle": np.degrees(np.arccos(np.minimum(np.hypot(x, y), 1.0))),
        "direction": np.mod(np.degrees(np.arctan2(y, x)), 360.0),
        "between": np.degrees(np.arccos(np.clip(rows @ rows.T, -1.0, 1.0))),
        "length": length,
    }
    for array in arrays.values():
        array.setflags(write=False)
    return ReadoutAngles(**arrays, random_angle=float(np.degrees(np.arccos(np.sqrt(min(1.0, 2 / n))))))
