"""Training against two optimizer steps written out by hand, and against what its config promises."""

import math
import sys

import numpy as np
import pytest
import torch
from geomloss import SamplesLoss

from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.model.hmm import HMM
from hmmrnn.model.metadata import target
from hmmrnn.model.network import Network
from hmmrnn.training.config import CARRY_BOUND, TrainingConfig
from hmmrnn.training.trainer import Progress, _Run, train

# A normal deviate beyond this has probability 6e-6; the seeds are fixed, so a test that passes keeps passing.
SIGMAS = 4.5


@pytest.fixture(autouse=True)
def short_judgement(monkeypatch):
    """Judge on runs so short that a test takes no time, with one thread; and give torch back those that it had."""
    monkeypatch.setattr(
        sys.modules["hmmrnn.training.trainer"],
        "measure_fidelity",
        lambda network, hmm: measure_fidelity(network, hmm, trajectories=4, steps=40),
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tiny(recipe: str = "fast", family: str = "linear-2", **changes: object) -> TrainingConfig:
    settings = {"n_neurons": 8, "n_inputs": 4, "batch": 16, "length": 6, "steps": 3, "threads": 1}
    if recipe == "paper":
        settings["sequences"] = 40
    return TrainingConfig.preset(family, recipe, **{**settings, **changes})


def train_by_hand(config: TrainingConfig) -> tuple[dict[str, np.ndarray], list[float], list[float]]:
    """The published recipe without torch's layers and optimizer; returns weights, losses and norms of gradients."""
    N, M, T, n_outputs = config.n_neurons, config.n_inputs, config.length, config.hmm.n_outputs
    weights_seed, noise_seed, target_seed = np.random.SeedSequence(config.seed).generate_state(3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(weights_seed))
        bound = 1 / math.sqrt(N)
        W = {
            name: torch.empty(shape).uniform_(-bound, bound).requires_grad_()
            for name, shape in (("W_ih", (N, M)), ("W_hh", (N, N)), ("W_out", (n_outputs, N)))
        }
    noise = torch.Generator().manual_seed(int(noise_seed))
    rng = np.random.default_rng(target_seed)
    sequences, _ = config.hmm.sample(config.sequences, T, rng)
    divergence = SamplesLoss("sinkhorn", p=2, blur=0.2)
    first = {name: torch.zeros_like(weight) for name, weight in W.items()}
    second = {name: torch.zeros_like(weight) for name, weight in W.items()}
    losses, norms, order = [], [], []
    for step in range(1, config.steps + 1):
        # Epochs over a shuffled training set; the last batch of each is what is left.
        order = order or rng.permutation(len(sequences)).tolist()
        chosen, order = order[: config.batch], order[config.batch :]
        # The chains start each batch from h_0 ~ N(0, 1), drawn before the noise.
        h = torch.randn(1, len(chosen), N, generator=noise)[0]
        x, symbols = torch.randn(len(chosen), T, M, generator=noise), []
        for t in range(T):
            h = torch.relu(x[:, t] @ W["W_ih"].T + h @ W["W_hh"].T)
            symbols.append(h @ W["W_out"].T)
        logits = torch.stack(symbols, dim=1)
        gumbel = -torch.log(-torch.log(torch.rand(len(chosen), T, n_outputs, generator=noise)))
        soft = torch.softmax(logits + gumbel, dim=-1)
        hard = torch.eye(n_outputs)[soft.argmax(dim=-1)]
        generated = hard + soft - soft.detach()
        real = torch.eye(n_outputs)[sequences[chosen]]
        loss = divergence(generated.reshape(len(chosen), -1), real.reshape(len(chosen), -1))
        gradients = dict(zip(W, torch.autograd.grad(loss, list(W.values())), strict=True))
        norm = math.sqrt(sum(float((gradient**2).sum()) for gradient in gradients.values()))
        with torch.no_grad():
            for name, gradient in gradients.items():
                gradient = gradient * min(1.0, config.clip / norm)
                first[name] = 0.9 * first[name] + 0.1 * gradient
                second[name] = 0.9 * second[name] + 0.1 * gradient**2
                unbiased = 1 - 0.9**step
                W[name] -= 1e-3 * (first[name] / unbiased) / ((second[name] / unbiased).sqrt() + 1e-8)
        losses.append(float(loss.detach()))
        norms.append(norm)
    return {name: weight.detach().numpy() for name, weight in W.items()}, losses, norms


@pytest.mark.parametrize("clip", [0.01, 100.0])
def test_the_paper_recipe_equals_steps_written_out_by_hand(clip):
    # 40 sequences in batches of 16: the fourth step begins the second epoch.
    config = tiny("paper", clip=clip, seed=5, steps=5)
    result = train(config)
    weights, losses, norms = train_by_hand(config)
    assert all(0.01 < norm < 100 for norm in norms), "one clip is meant to bind and the other not"
    np.testing.assert_allclose(result.losses, losses, rtol=1e-4)
    for name, weight in weights.items():
        # Each step moves a weight by about 1e-3; single precision leaves the rest.
        np.testing.assert_allclose(getattr(result.network, name), weight, atol=3e-6, err_msg=name)
    assert not result.network.has_bias


def test_a_normal_start_is_drawn_anew_for_each_batch_before_its_noise(monkeypatch):
    config = tiny(normal_start=True, steps=2)
    run, starts = _Run(config), []
    forward = run.rnn.forward
    monkeypatch.setattr(run.rnn, "forward", lambda x, start: (starts.append(start), forward(x, start))[1])
    state = run.noise.get_state()
    run.step()
    run.step()
    assert [start.shape for start in starts] == [(1, 16, 8)] * 2
    assert not torch.equal(*starts)
    run.noise.set_state(state)
    torch.testing.assert_close(starts[0], torch.randn(1, 16, 8, generator=run.noise))
    assert _Run(config).network().metadata["normal_start"] == "True"


class TestStart:
    """A training that goes on from the weights of another network."""

    def test_it_goes_on_from_them(self):
        before = train(tiny(steps=2, seed=4)).network
        begun = _Run(tiny(), before).network()
        for name in ("W_hh", "W_ih", "W_out"):
            np.testing.assert_array_equal(getattr(begun, name), getattr(before, name))
        one, other = (train(tiny(steps=1), start=start).network for start in (before, None))
        assert np.abs(one.W_hh - before.W_hh).max() <= 1.1e-3, "a step of Adam moves a weight by its learning rate"
        assert np.abs(other.W_hh - before.W_hh).max() > 0.01

    def test_the_file_says_from_which(self):
        before = train(tiny(steps=2, seed=4)).network
        said = train(tiny(steps=1), start=before).network.metadata["started_from"]
        assert said.startswith("recipe fast, seed 4, steps_done 2, weights ")
        moved = Network(before.W_hh + 1e-3, before.W_ih, before.W_out)
        assert train(tiny(steps=1), start=moved).network.metadata["started_from"] != said
        assert "started_from" not in train(tiny(steps=1)).network.metadata

    def test_other_sizes_and_biases_are_refused(self):
        one = train(tiny(steps=1)).network
        with pytest.raises(ValueError, match=r"must have N, M, O = \(9, 4, 3\) and no biases; got \(8, 4, 3\)"):
            train(tiny(n_neurons=9), start=one)
        biased = Network(one.W_hh, one.W_ih, one.W_out, b_h=np.ones(8))
        with pytest.raises(ValueError, match="and biases"):
            train(tiny(), start=biased)


def test_the_config_decides_the_network():
    torch.manual_seed(1)
    one, other = train(tiny()), train(tiny(seed=1))
    torch.manual_seed(2)
    again = train(tiny())
    for name in ("W_hh", "W_ih", "W_out"):
        np.testing.assert_array_equal(getattr(one.network, name), getattr(again.network, name))
        assert (getattr(one.network, name) != getattr(other.network, name)).any()
    np.testing.assert_array_equal(one.losses, again.losses)
    assert (one.losses != other.losses).any()


def test_the_callers_random_numbers_are_left_alone():
    torch.manual_seed(3)
    torch_before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002  # the test is about the global generator
    train(tiny())
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


def test_training_brings_the_loss_down():
    config = tiny("paper", batch=64, length=8, steps=60, sequences=1000, learning_rate=1e-2)
    losses = train(config).losses
    assert losses[-10:].mean() < 0.8 * losses[:3].mean()


def test_progress_reports_every_step():
    seen: list[Progress] = []
    result = train(tiny(steps=4), on_progress=seen.append)
    assert [progress.step for progress in seen] == [1, 2, 3, 4]
    assert {progress.steps for progress in seen} == {4}
    np.testing.assert_array_equal([progress.loss for progress in seen], result.losses)
    assert {(progress.floor, progress.plateau) for progress in seen} == {(result.floor, result.plateau)}
    seconds = [progress.seconds for progress in seen]
    assert seconds == sorted(seconds)
    assert not result.stopped


@pytest.mark.parametrize("steps_done", [0, 2])
def test_should_stop_ends_it_with_what_has_been_reached(steps_done):
    seen: list[Progress] = []
    result = train(tiny(steps=10), on_progress=seen.append, should_stop=lambda: len(seen) == steps_done)
    assert result.stopped
    assert len(result.losses) == len(seen) == steps_done
    assert result.network.metadata["steps_done"] == str(steps_done)


def test_a_run_that_was_stopped_is_the_shorter_run():
    whole = train(tiny(steps=2, cosine=False, pair_from=0.0))
    cut = train(tiny(steps=10, cosine=False, pair_from=0.0), should_stop=iter([False, False, True]).__next__)
    np.testing.assert_array_equal(cut.network.W_hh, whole.network.W_hh)
    np.testing.assert_array_equal(cut.losses, whole.losses)


RESUMABLE = {
    "fast": {"steps": 6},
    "carried": {"steps": 6, "carry": True, "reset": 0.3, "pair_from": 0.0},
    "paper": {"recipe": "paper", "steps": 7},
}


@pytest.mark.parametrize("kind", RESUMABLE)
@pytest.mark.parametrize("first_sitting", [0, 1, 4])
def test_a_run_that_was_stopped_and_resumed_is_the_run_that_was_not(tmp_path, monkeypatch, kind, first_sitting):
    config = tiny(**RESUMABLE[kind])
    # So that the state that is carried matters from the first step on.
    monkeypatch.setattr(sys.modules["hmmrnn.training.trainer"], "CARRY_BELOW", 10.0)
    whole = train(config)
    done: list[Progress] = []
    state = tmp_path / "state.pt"
    part = train(config, done.append, lambda: len(done) == first_sitting, state)
    assert part.stopped
    assert len(part.losses) == first_sitting
    resumed = train(config, done.append, state_file=state)
    assert [progress.step for progress in done] == list(range(1, config.steps + 1))
    for name in ("W_hh", "W_ih", "W_out"):
        np.testing.assert_array_equal(getattr(resumed.network, name), getattr(whole.network, name))
    np.testing.assert_array_equal(resumed.losses, whole.losses)
    assert not resumed.stopped


def test_a_run_that_is_killed_goes_on_from_where_it_was_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["hmmrnn.training.trainer"], "KEEP_EVERY_SECONDS", 0.0)
    config, state = tiny(steps=5), tmp_path / "state.pt"

    def killed(progress: Progress) -> None:
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, killed, state_file=state)
    seen: list[Progress] = []
    resumed = train(config, seen.append, state_file=state)
    # The fourth step was told but not kept: it is taken again.
    assert [progress.step for progress in seen] == [4, 5]
    np.testing.assert_array_equal(resumed.network.W_hh, train(config).network.W_hh)


def test_time_is_counted_over_all_sittings(tmp_path):
    config, state, seen = tiny(steps=4), tmp_path / "state.pt", []
    train(config, seen.append, lambda: len(seen) == 2, state)
    train(config, seen.append, state_file=state)
    seconds = [progress.seconds for progress in seen]
    assert seconds == sorted(seconds)
    assert seconds[2] > seconds[1]


def test_a_finished_run_has_nothing_to_go_on_with(tmp_path):
    config, state, seen = tiny(), tmp_path / "state.pt", []
    first = train(config, state_file=state)
    again = train(config, seen.append, state_file=state)
    assert seen == []
    np.testing.assert_array_equal(again.network.W_hh, first.network.W_hh)


def test_a_state_of_other_settings_is_refused(tmp_path):
    state = tmp_path / "state.pt"
    train(tiny(seed=0), state_file=state)
    with pytest.raises(ValueError, match=r"training cannot go on from state.pt \(it belongs to a training with other"):
        train(tiny(seed=1), state_file=state)


@pytest.mark.parametrize("content", [b"", b"not a state", b"PK\x03\x04 cut off"])
def test_a_damaged_state_is_refused(tmp_path, content):
    state = tmp_path / "state.pt"
    state.write_bytes(content)
    with pytest.raises(ValueError, match=r"training cannot go on from state.pt \(.*\); remove that file to start anew"):
        train(tiny(), state_file=state)
    assert state.read_bytes() == content


def test_progress_can_make_the_network_of_its_step():
    networks = []
    result = train(tiny(steps=3), on_progress=lambda progress: networks.append(progress.network()))
    assert [network.metadata["steps_done"] for network in networks] == ["1", "2", "3"]
    assert [float(network.metadata["loss"]) for network in networks] == pytest.approx(result.losses, abs=1e-4)
    assert len({network.W_hh.tobytes() for network in networks}) == 3
    np.testing.assert_array_equal(networks[-1].W_hh, result.network.W_hh)
    assert not any(key.startswith("fidelity") for key in networks[-1].metadata)


def test_an_exploding_loss_ends_training():
    with pytest.raises(FloatingPointError, match="training diverged at step 2"):
        train(tiny(learning_rate=1e30))


def test_weights_that_are_not_finite_after_the_last_step_end_training_too(monkeypatch):
    # A gradient can overflow while the loss is finite; there is no step after the last that would notice.
    def poisoned(run: _Run) -> None:
        run.readout.weight.data.fill_(math.nan)
        run.losses.append(1.0)

    monkeypatch.setattr(_Run, "step", poisoned)
    with pytest.raises(FloatingPointError, match="training diverged"):
        train(tiny(steps=1))


def carried(reset: float, last: torch.Tensor) -> torch.Tensor:
    return _Run(tiny(reset=reset))._carried(last)


def test_carried_states_that_are_not_finite_or_far_outside_start_again():
    last = torch.ones(1, 12, 8)
    last[0, 1, 3] = torch.nan
    last[0, 2, 0] = torch.inf
    last[0, 4] = 1.01 * CARRY_BOUND
    last[0, 5] = 0.99 * CARRY_BOUND
    expected = last.clone()
    expected[0, [1, 2, 4]] = 0
    torch.testing.assert_close(carried(0.0, last), expected)


def test_a_share_of_the_carried_states_starts_again_at_random():
    n = 2000
    again = (carried(0.3, torch.ones(1, n, 8)) == 0).all(dim=-1).sum().item()
    assert abs(again - 0.3 * n) < SIGMAS * math.sqrt(0.3 * 0.7 * n)
    assert not carried(1.0, torch.ones(1, 50, 8)).any()


def test_state_is_carried_only_below_the_plateau_and_only_if_asked():
    run = _Run(tiny(carry=True, reset=0.0))
    run.smoothed = run.loss.plateau
    run.step()
    assert not run.h.any()
    run.smoothed = -1e6
    run.step()
    assert run.h.any()
    run.smoothed = 1e6
    run.step()
    assert not run.h.any()
    other = _Run(tiny(carry=False))
    other.smoothed = -1e6
    other.step()
    assert not other.h.any()


def test_the_learning_rate_falls_along_half_a_cosine():
    run, constant = _Run(tiny(steps=4)), _Run(tiny(steps=4, cosine=False))
    for expected in [1, 0.5 + math.sqrt(0.5) / 2, 0.5, 0.5 - math.sqrt(0.5) / 2]:
        run.step()
        constant.step()
        assert run.optimizer.param_groups[0]["lr"] == pytest.approx(1e-3 * expected)
        assert constant.optimizer.param_groups[0]["lr"] == 1e-3


def test_orthogonal_initial_weights():
    W = _Run(tiny(n_neurons=12)).network().W_hh
    np.testing.assert_allclose(W @ W.T, np.eye(12), atol=1e-5)
    W = _Run(tiny("paper", n_neurons=12)).network().W_hh
    assert np.abs(W).max() <= 1 / math.sqrt(12)


def test_provenance_is_strings_that_say_how_the_network_was_made():
    config = tiny("paper", seed=7)
    result = train(config)
    metadata = result.network.metadata
    assert all(type(key) is str and type(value) is str for key, value in metadata.items())
    assert metadata["family"] == "linear-2"
    for name, value in config.to_dict().items():
        if name != "hmm":
            assert metadata[name] == str(value)
    assert metadata["normal_start"] == "True"
    assert metadata["steps_done"] == "3"
    assert metadata["departures"] == "; ".join(f"{name} {text}" for name, text in config.departures.items())
    assert metadata["fidelity_passes"] == str(result.fidelity.passes).lower()
    assert float(metadata["fidelity_lag_error"]) == pytest.approx(result.fidelity.lag_error, abs=1e-4)
    assert {"date", "training_seconds", "version_torch", "version_geomloss", "version_numpy"} <= set(metadata)
    assert metadata["version_numpy"] == np.__version__


def test_provenance_holds_a_target_that_is_no_family():
    hmm = HMM(A=[[0.7, 0.3], [0.2, 0.8]], B=[[0.5, 0.5], [0.1, 0.9]])
    settings = {"n_neurons": 8, "n_inputs": 4, "batch": 16, "length": 6, "steps": 2}
    metadata = train(TrainingConfig.for_hmm(hmm, **settings)).network.metadata
    assert metadata["family"] == "custom"
    assert target(metadata, 2).equals(hmm)
