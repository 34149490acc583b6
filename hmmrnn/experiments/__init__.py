"""What if? Experiments on a network: each is a pure function of it, of a noise scale and of a seed.

An experiment never knows whether the network is intact or intervened upon. All values that it compares see the same
noise, and every mean has its standard error.
"""

# As with hmmrnn.fidelity: some functions have the names of their modules, which are reached by `from ... import` only.
from hmmrnn.experiments.emergence import Emergence, emergence
from hmmrnn.experiments.gains import MUS, GainSweep, gain_sweep
from hmmrnn.experiments.noise import SIGMAS, NoiseSweep, noise_sweep
from hmmrnn.experiments.orbit_spectrum import OrbitSpectrum, orbit_spectrum
from hmmrnn.experiments.readout import ReadoutAngles, readout_angles
from hmmrnn.experiments.sensitivity import NoiseSensitivity, noise_sensitivity
from hmmrnn.experiments.swept import Swept, swept_populations
from hmmrnn.progress import Tell, ignore

__all__ = [
    "MUS",
    "SIGMAS",
    "Emergence",
    "GainSweep",
    "NoiseSensitivity",
    "NoiseSweep",
    "OrbitSpectrum",
    "ReadoutAngles",
    "Swept",
    "Tell",
    "emergence",
    "gain_sweep",
    "ignore",
    "noise_sensitivity",
    "noise_sweep",
    "orbit_spectrum",
    "readout_angles",
    "swept_populations",
]
