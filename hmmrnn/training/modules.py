"""Recurrent layers of every cell and their readout in torch, and the network that their weights are.

torch's own modules step ReLU, tanh, GRU and LSTM cells. A linear cell, and a leak (`alpha` below 1, convention "rate"
of cells.py), take a loop of their own. Cells other than ReLU have biases: without them, the outputs of an odd cell
under noise would be symmetric. The state of an LSTM is h with its memory c, side by side.

With `TrainingConfig.rank`, the factors of W_hh = m n^T / N are what is trained, in the same loop: two products (N, R) a
step. They start as standard normal numbers, n correlated with m so that the largest eigenvalues are about 1.

Source: Mastrogiuseppe & Ostojic (2018), for low rank.

torch is imported inside the functions that need it, as in trainer.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hmmrnn.model.checkpoint import network_of_tensors
from hmmrnn.model.network import Network
from hmmrnn.model.opening.reading import ALPHA, CELL

if TYPE_CHECKING:
    import torch

    from hmmrnn.training.config import TrainingConfig

GATED = {"gru": 3, "lstm": 4}


def initial_modules(config: TrainingConfig) -> tuple[torch.nn.Module, torch.nn.Linear]:
    """The recurrent layer and the readout of a training, as torch draws them, or with orthogonal recurrent weights."""
    import torch

    n, sizes = config.n_neurons, (config.n_inputs, config.n_neurons)
    more: dict[str, Any] = {"bias": config.cell != "relu", "batch_first": True}
    if config.cell in GATED:
        kind = torch.nn.GRU if config.cell == "gru" else torch.nn.LSTM
        rnn: torch.nn.Module = kind(*sizes, **more)
    else:
        # A linear cell has the weights of a tanh cell, and a loop that leaves tanh out.
        rnn = torch.nn.RNN(*sizes, nonlinearity="relu" if config.cell == "relu" else "tanh", **more)
    readout = torch.nn.Linear(n, config.hmm.n_outputs, bias=more["bias"])
    if config.rank:
        _factor(rnn, config)
    elif config.orthogonal:
        for block in rnn.get_parameter("weight_hh_l0").detach().split(n):
            torch.nn.init.orthogonal_(block)
    return rnn, readout


def _factor(rnn: torch.nn.Module, config: TrainingConfig) -> None:
    """Replace the recurrent weights of a layer by their factors m and n, (N, R) each."""
    import torch

    del rnn.weight_hh_l0
    m, other = torch.randn(2, config.n_neurons, config.rank)
    rnn.register_parameter("m", torch.nn.Parameter(m))
    rnn.register_parameter("n", torch.nn.Parameter(m + other))


def state_size(config: TrainingConfig) -> int:
    """Numbers in the state of one sequence."""
    return (2 if config.cell == "lstm" else 1) * config.n_neurons


def run_layer(
    rnn: torch.nn.Module, config: TrainingConfig, noise: torch.Tensor, start: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Step a layer over noise (B, T, M) from states (1, B, S): activity (B, T, N) and the last states (1, B, S)."""
    import torch

    if config.cell == "lstm":
        h, last = rnn(noise, tuple(part.contiguous() for part in start.chunk(2, dim=-1)))
        return h, torch.cat(last, dim=-1)
    if config.cell == "linear" or config.alpha < 1 or config.rank:
        return _stepped(rnn, config, noise, start)
    h, last = rnn(noise, start)
    return h, last


def _stepped(
    rnn: torch.nn.Module, config: TrainingConfig, noise: torch.Tensor, start: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    weights = dict(rnn.named_parameters())
    drive = noise @ weights["weight_ih_l0"].T
    if "bias_ih_l0" in weights:
        drive = drive + weights["bias_ih_l0"] + weights["bias_hh_l0"]
    recurrent = weights["n"] @ weights["m"].T / config.n_neurons if config.rank else weights["weight_hh_l0"].T
    h = step_activity(drive, recurrent, start[0], config.cell, config.alpha)
    return h, h[None, :, -1]


def step_activity(
    drive: torch.Tensor, recurrent: torch.Tensor, start: torch.Tensor, cell: str = "relu", alpha: float = 1.0
) -> torch.Tensor:
    """Activity (..., B, T, N) under a drive (..., B, T, N), from states (..., B, N), with weights (..., from, to).

    The one loop over time that is written out in torch; torch's own layers have theirs. Leading axes are networks.
    """
    import torch

    function = {"relu": torch.relu, "tanh": torch.tanh, "linear": lambda x: x}[cell]
    h, path = start, []
    for entering in drive.unbind(dim=-2):
        h = (1 - alpha) * h + alpha * function(h @ recurrent + entering)
        path.append(h)
    return torch.stack(path, dim=-2)


def network_of(
    rnn: torch.nn.Module, readout: torch.nn.Linear, config: TrainingConfig, metadata: dict[str, str]
) -> Network:
    """The network of the present weights."""
    tensors = {f"rnn.{name}": tensor for name, tensor in rnn.state_dict().items()}
    tensors |= {f"fc.{name}": tensor for name, tensor in readout.state_dict().items()}
    arrays = {name: tensor.detach().double().numpy() for name, tensor in tensors.items()}
    if config.rank:
        arrays["rnn.weight_hh_l0"] = arrays.pop("rnn.m") @ arrays.pop("rnn.n").T / config.n_neurons
    return network_of_tensors(arrays, {**metadata, CELL: config.cell, ALPHA: repr(config.alpha)})
