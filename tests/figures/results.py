"""Made-up results for the figures: numbers that are all different, and some that are missing."""

import numpy as np

from hmmrnn.analysis.decoding import Decoding
from hmmrnn.analysis.emergence import Emergence
from hmmrnn.analysis.fidelity import LAGS, Fidelity
from hmmrnn.analysis.formation import Formation
from hmmrnn.analysis.kick_neurons import KickGroup, KickNeurons
from hmmrnn.analysis.matched_distance import MatchedDistances
from hmmrnn.analysis.noise_sensitivity import NoiseSensitivity
from hmmrnn.analysis.noise_sweep import NoiseSweep
from hmmrnn.analysis.published.ablation import CONTROL, KICK, MUS, NOISE, Ablation, Ablations
from hmmrnn.analysis.published.groups import PublishedGroups
from hmmrnn.analysis.readout import ReadoutAngles
from hmmrnn.analysis.regions import CLUSTER, REGIONS, TRANSITION
from hmmrnn.analysis.state_survey import OrbitSpectrum
from hmmrnn.figures.fidelity import Verdict

NAN = np.nan
# Snapshots, runs and steps of an emergence; the snapshot that left all bounds, and that of the bifurcation.
K, RUNS, T, GONE, CHANGE = 7, 3, 20, 3, 2
CURVES = ("transition_rate", "unstable_share", "critical_share", "radius", "first_order", "second_order")
SIGMAS = np.array([0.5, 1.0, 2.0, 4.0])
SENSITIVITY_STEPS = 9


def verdict_of(n_outputs: int, n_states: int, seed: int) -> Verdict:
    """A verdict with numbers that are all different, and some that are missing."""
    rng = np.random.default_rng(seed)
    # What was measured comes from the seed; the HMM is the same for all.
    exact = np.random.default_rng(99)
    shapes = {"marginal": (n_outputs,), "transitions": (n_outputs, n_outputs), "agreement": (len(LAGS),)}
    by_region, by_output = (n_states, len(REGIONS)), (n_outputs, n_states)
    judged = Fidelity(
        transition_error=0.1, marginal_error=0.1, volatility_ratio=1.0, lag_error=0.1, log_likelihood_gap=0.1,
        log_likelihood=-rng.random(), target_log_likelihood=-exact.random(),
        volatility=rng.random(), volatility_se=0.01, log_likelihood_se=0.02, target_log_likelihood_se=0.03,
        log_likelihood_gap_se=0.04, diverged=0, trajectories=8, steps=1234, seed=0,
        target_volatility=exact.random(),
        **{name: rng.random(shape) for name, shape in shapes.items()},
        **{f"{name}_se": 0.01 * rng.random(shape) for name, shape in shapes.items()},
        **{f"target_{name}": exact.random(shape) for name, shape in shapes.items()},
    )  # fmt: skip
    judged.transitions[-1] = judged.transitions_se[-1] = np.nan
    matched = MatchedDistances(
        distance=5 + rng.random(), distance_se=0.1, floor=5 + exact.random(), floor_se=0.2, excess=0.0, excess_se=0.1,
        distances=rng.random(7), floors=rng.random(7), size=12, length=34, diverged=0, seed=0,
    )  # fmt: skip
    counts = rng.integers(1, 9999, by_region)
    counts[:, REGIONS.index("unassigned")] = 0
    decoded = Decoding(
        states=np.zeros((2, 2), int), impossible=0,
        region_given_state=rng.random(by_region), region_given_state_se=rng.random(by_region), region_counts=counts,
        state_given_output=rng.random(by_output), state_given_output_se=0.01 * rng.random(by_output),
        output_counts=rng.integers(1, 9999, by_output),
    )  # fmt: skip
    return Verdict(judged, matched, decoded)


def emergence_of(**more) -> Emergence:
    """Numbers that are all different; snapshot 3 has left all bounds, and output 1 is never seen."""
    rng = np.random.default_rng(0)
    curves = {name: rng.random(K) for name in CURVES}
    curves |= {f"{name}_se": 0.01 * rng.random(K) for name in curves} | {"plane_share": rng.random(K)}
    points = rng.standard_normal((K, RUNS, T, 2)).astype(np.float32) * 10.0 ** np.arange(K)[:, None, None, None]
    for array in (*curves.values(), points):
        array[GONE] = np.nan
    diverged = np.zeros(K, dtype=int)
    diverged[GONE] = 2
    return Emergence(
        **{
            "steps_done": np.array([1, 11, 21, 26, 31, 100, 1500]), "loss": rng.random(K), "loss_floor": 0.1,
            "loss_plateau": 0.9, "noise": rng.random(K), "points": points, "diverged": diverged, "bifurcation": CHANGE,
            "output": 2 * rng.integers(0, 2, (K, RUNS, T)), "sigma": 1.0, "seed": 0, "trajectories": 24, "steps": 400,
            "states": 288, **curves, **more,
        }
    )  # fmt: skip


def formation_of(**more) -> Formation:
    """Numbers that are all different in four snapshots; the first has no kick neurons, and its runs diverge."""
    rng = np.random.default_rng(7)
    k, plain = 4, ("switching", "volatility", "transition_error", "marginal_error", "lag_error")
    made = {name: 0.1 + rng.random(k) for name in (*plain, "switching_se", "volatility_se", "loss")}
    for name, shape in (("within", (k, 2)), ("between", (k, 2)), ("recurrent", (k, 2, 2)), ("unit", (k, 2, 2))):
        made |= {name: rng.random(shape), f"{name}_se": 0.01 * rng.random(shape)}
        made[name][0] = made[f"{name}_se"][0] = NAN
    null = 0.8 + 0.4 * rng.random((k, 2, 24))
    null[0] = NAN
    whole = {
        "steps_done": np.array([250, 500, 750, 1000]), "loss_floor": 0.2, "loss_plateau": 1.5, "outputs": (0, 2),
        "passes": np.array([False, True, True, False]), "groups": np.arange(k * 12).reshape(k, 2, 6), "null": null,
        "seed": 0, "runs": 48, "steps": 600, "recurrent_bounded": np.ones((k, 2, 2), dtype=bool),
        "unit_bounded": np.ones((k, 2, 2), dtype=bool),
    }  # fmt: skip
    return Formation(**{**made, **whole, **more})


def noise_sweep_of(seed: int = 0, **own) -> NoiseSweep:
    rng = np.random.default_rng(seed)
    means = ("radius", "interval", "interval_cv")
    made = {
        **{name: 1 + rng.random(4) for name in means},
        **{f"{name}_se": 0.1 * rng.random(4) for name in means},
        "sigmas": SIGMAS, "intervals": np.full(4, 90), "switches": np.full(4, 99),
        "slope": 2.5, "slope_se": 0.1, "intercept": -0.25, "intercept_se": 0.1, "r_squared": 0.98765,
        "deviation": np.array([0.3, 0, 0.1, 0.2]), "relative_deviation": 0.3, "reference_sigma": 1.0, "biased": True,
        "contour_sigma": SIGMAS[1:], "edges_x": np.linspace(-2, 2, 6), "edges_y": np.linspace(0, 4, 5),
        "density": rng.random((3, 4, 5)), "contour_levels": np.array([[0.8, 0.1], [0.7, 0.2], [0.6, 0.3]]),
        "diverged": np.zeros(4, bool), "seed": 0, "trajectories": 24, "steps": 1500,
    }  # fmt: skip
    return NoiseSweep(**{**made, **own})


def noise_sensitivity() -> NoiseSensitivity:
    """Two regions, three shares of own noise."""
    rng = np.random.default_rng(0)
    names = ("trace", "trace_se", "distance", "distance_se")
    return NoiseSensitivity(
        regions=(CLUSTER, TRANSITION), gammas=np.array([0, 0.5, 1]),
        **{name: rng.random((2, 3, SENSITIVITY_STEPS)) for name in names},
        counts=np.array([24, 7]), available=np.array([1205, 7]), diverged=np.array([0, 2]),
        rollouts=32, sigma=0.5, seed=0,
    )  # fmt: skip


def readout_angles() -> ReadoutAngles:
    """Three rows, of which the last is zero."""
    angle, direction, length = np.array([50.0, 84.5, NAN]), np.array([160.0, 300.0, NAN]), np.array([2.5, 1.0, 0.0])
    between = np.array([[0, 99.4, NAN], [99.4, 0, NAN], [NAN, NAN, NAN]])
    return ReadoutAngles(angle=angle, direction=direction, between=between, length=length, random_angle=83.4)


def orbit_spectrum() -> OrbitSpectrum:
    """Four bins, one without a state and one with a single state."""
    return OrbitSpectrum(
        phase_centers=np.radians([45, 135, 225, 315]), counts=np.array([9, 0, 1, 4]),
        unstable=np.array([0.5, NAN, 1.25, 0.0]), unstable_se=np.array([0.1, NAN, NAN, 0.0]),
        critical_pairs=np.array([1.0, NAN, 0.0, 0.5]), critical_pairs_se=np.array([0.2, NAN, NAN, 0.3]),
    )  # fmt: skip


def kick_neurons(*groups: KickGroup) -> KickNeurons:
    """What detection finds in a network of eight neurons and three outputs."""
    nothing = np.zeros((3, 8))
    return KickNeurons(nothing, nothing, nothing, nothing, groups, (1,), 0)


def ablations_of(switches: int = 9) -> Ablations:
    """Two kick triples, what feeds them, and a control; the first triple stops and runs away at gain 0."""
    rng, n = np.random.default_rng(0), len(MUS)

    def one(kind: str, output: int, neurons: tuple[int, ...], stopped: bool = False) -> Ablation:
        counts = np.full((8, n), switches) + rng.integers(0, 3, (8, n))
        counts[:, 0] = 0 if stopped else counts[:, 0]
        lost = np.zeros(n, dtype=np.int64)
        lost[0] = 3 if stopped else 0
        first = np.arange(n) == 0
        pairs = np.where(first & (kind == NOISE), NAN, rng.uniform(3, 9, n))
        fallback, turning = first & stopped, np.array([0.1, 0.9])
        return Ablation(
            kind, output, neurons, np.array(MUS), counts, lost, pairs, rng.uniform(0, 1, n), fallback, turning
        )

    groups = PublishedGroups((0, 2), ((1, 2, 3), (4, 5, 6)), ((7,), (8,)), (9,), ((1,), (4,)))
    return Ablations(
        groups, (one(KICK, 0, (1, 2, 3), True), one(KICK, 2, (4, 5, 6))), (one(NOISE, 0, (7,)), one(NOISE, 2, (8,))),
        one(CONTROL, -1, (9,)), (0.4, 0.5),
    )  # fmt: skip
