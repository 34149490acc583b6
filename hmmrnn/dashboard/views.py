"""What is each view called, and what is one looking at? One entry per view; layout and help are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from hmmrnn.dashboard import ids
from hmmrnn.regions import CLUSTER_MIN_PROBABILITY, KICK_ZONE_UP_TO, TRANSITION_BELOW


@dataclass(frozen=True)
class View:
    """A figure with its frame.

    Attributes:
        id: of the graph.
        title: of the frame.
        about: one paragraph: what am I looking at.
        slow: whether its answer follows after the fast ones, with a sign while it is computed.
        tall: whether the figure is higher than its room; then the wheel scrolls, and zooms nothing.
    """

    id: str
    title: str
    about: str
    slow: bool = False
    tall: bool = False


MAIN_VIEWS = (
    View(
        ids.STATE_SPACE,
        "State space",
        "Each point is the activity of the whole network at one step, seen along the two directions in which the "
        "intact network varies most. The network lingers in slow clusters and is thrown between them. With an "
        "intervention the intact run stays behind as a grey ghost: same noise, same start, same plane, so that "
        "every difference is the intervention's. The star is where activity ends without noise.",
    ),
    View(
        ids.REGION_MAP,
        "Region map",
        f"The same plane by residency time: each sampled state is left to 20 noise realisations of up to 60 steps, and "
        f"the mean number of steps until the output changes decides. Transition: below {TRANSITION_BELOW} steps. Kick "
        f"zone: {TRANSITION_BELOW} to {KICK_ZONE_UP_TO}. Cluster: above {KICK_ZONE_UP_TO} with a largest emission "
        f"probability above {CLUSTER_MIN_PROBABILITY}; slow states below that are unassigned. Arrows are the mean step "
        "in each cell of the plane.",
        slow=True,
    ),
    View(
        ids.ORBIT,
        "Emission along the orbit",
        "The angle around the middle of the plane is the phase of the orbit. Above: the probability of each symbol "
        "at that phase, median and quartiles, with the emission probabilities of the HMM's states as dotted lines. "
        "Below: the share of time spent there, and the commonest region. An intervention leaves the intact "
        "network behind as dashed lines.",
    ),
    View(
        ids.CONNECTIVITY,
        "Connectivity",
        "Weights from column to row: recurrent at the upper left, the strongest noise inputs beside it, the readout "
        "below it. Neurons are ordered by role: kick neurons of each output, then the populations that integrate "
        "noise for them (they excite one kick group and inhibit the others), then the rest. Click a cell to silence "
        "the neuron of its row, or a readout cell for the neuron of its column; click again to bring it back.",
    ),
)
TAB_VIEWS = (
    View(
        ids.ACTIVITY,
        "Activity",
        "Pre-activation of the kick neurons through the first run, with the output as the background colour. A kick "
        "neuron crosses zero shortly before the output that it leaves is left.",
    ),
    View(
        ids.SPECTRUM,
        "Spectrum",
        "Eigenvalues of the network's exact Jacobian, without noise, at states of each region. Beyond the unit circle "
        "a direction grows: that is what throws the state out of a cluster.",
        slow=True,
    ),
    View(
        ids.FIDELITY,
        "Fidelity",
        "How well the network's emissions match its HMM: shares of the symbols, how often symbols some steps apart "
        "agree, changes per step, log-likelihood under the HMM (for the HMM itself: minus its entropy rate), and the "
        "distance of sequences to those of the HMM that they are best matched with (for the HMM itself: the floor). "
        "Below, the emission transition matrices, and the HMM's likeliest hidden states behind the emissions of the "
        "runs shown, beside region and output at the same steps. Bars and ± are one standard error.",
        slow=True,
        tall=True,
    ),
)
