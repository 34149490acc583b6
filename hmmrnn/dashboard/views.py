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
        inquiry: whether the answer comes from a worker, with its progress and a way to cancel it.
        tall: whether the figure is higher than its room; then the wheel scrolls, and zooms nothing.
        wide: whether the figure has plots beside each other that need more width than a tab has by itself.
        drawn: whether there is a graph.
        below: id of a second graph, under the first in the same room; "" for none.
    """

    id: str
    title: str
    about: str
    slow: bool = False
    inquiry: bool = False
    tall: bool = False
    wide: bool = False
    drawn: bool = True
    below: str = ""


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
LIVE_VIEW = View(
    ids.LIVE,
    "Live",
    "The network as it is now, running in this page, step by step, under the noise of the scenario: its run 1 is the "
    "run 1 of that seed everywhere. The ground shows where the intact network dwells, and in which region. What you "
    "change acts on the next step; the grey ghost is the intact network under the same noise, and a ring marks where "
    "they part. Press in the plane to push run 1 to the nearest visited state, with Shift all runs. Rates are counted "
    "while you watch; ± is one standard error.",
)
TAB_VIEWS: tuple[View, ...] = (
    View(
        ids.ACTIVITY,
        "Activity",
        "Pre-activation of the kick neurons through the first run, with the output as the background colour, and the "
        "means of the kick groups and of the populations that integrate noise for them. A kick neuron crosses zero "
        "shortly before the output that it leaves is left.",
        tall=True,
    ),
    View(
        ids.KICK_PROOF,
        "Kick neurons",
        "The search of the intact network, and the proof. For each exit the smallest group of neurons without which it "
        "is hardly taken: how often it still is, as a ratio to intact, beside random groups of the same size under the "
        "same noise; the effect of single neurons; and how often searches with other noise choose the same neurons. "
        "Where silencing does not stop an exit, what else was tried.",
        slow=True,
        inquiry=True,
        tall=True,
    ),
    View(
        ids.GAIN_SWEEP,
        "Gain sweep",
        "What if a population's input is turned down or up? The gain mu goes from 0 (silenced) over 1 (as it is) to 2 "
        "(doubled), under the same noise: on the recurrent input of the kick neurons, on the noise input of the "
        "populations that feed them, and on all input of the control population. Critical pairs are eigenvalues of the "
        "Jacobian near the unit circle that turn the state; they are counted shortly before switches.",
        slow=True,
        inquiry=True,
        tall=True,
        wide=True,
    ),
    View(
        ids.NOISE,
        "Noise",
        "Against the strength of the noise: the size of the orbit, the time between switches and how regular it is. "
        "Without a bias the activity is proportional to sigma, and nothing else changes. Regularity against the gain "
        "of the kick neurons shows the resonance. Below, how far runs from one state come apart when all share their "
        "noise, half of it, or nothing: clusters spread, transitions hardly.",
        slow=True,
        inquiry=True,
        tall=True,
        wide=True,
        below=ids.SENSITIVITY,
    ),
    View(
        ids.SPECTRUM,
        "Spectrum",
        "Eigenvalues of the network's exact Jacobian, without noise, at states of each region. Beyond the unit circle "
        "a direction grows: that is what throws the state out of a cluster. Beside it, the mean number of growing "
        "directions and of critical pairs along the orbit.",
        slow=True,
        tall=True,
        wide=True,
    ),
    View(
        ids.READOUT,
        "Readout",
        "The angle of each row of the readout with the plane: 0 degrees would lie in it, a random row of so many "
        "neurons is nearly perpendicular. Beside it the directions in the plane, and the angles between the rows.",
        tall=True,
        wide=True,
    ),
    View(
        ids.EMERGENCE,
        "Emergence",
        "Snapshots of a training of this family, each under the noise of the scenario: how often the output switches, "
        "how many states are unstable, how much a neuron is perturbed by noise, and the orbit in each snapshot's own "
        "plane; the slider goes through them. The step where the orbit opens is found, and marked on the loss. "
        "Interventions do not apply: the snapshots are other networks.",
        slow=True,
        inquiry=True,
        tall=True,
        wide=True,
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
    View(
        ids.REPORT,
        "Report",
        "The whole argument about the network as it is now, on one page: fidelity, fixed point, orbit, regions, noise "
        "sensitivity, kick neurons, connectivity, interventions, emergence, readout. Each of the paper's claims is "
        "judged by numbers, with its thresholds and seeds. The page is one file that opens without a server.",
        slow=True,
        inquiry=True,
        drawn=False,
    ),
)
INQUIRIES = tuple(view.id for view in TAB_VIEWS if view.inquiry)
