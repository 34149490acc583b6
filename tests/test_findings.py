"""Findings, claims and the page that tells them: on a planted circuit, and where there is nothing to find."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.claims import (
    DIFFERS,
    NOT_REPRODUCED,
    REPRODUCED,
    UNKNOWN,
    Claim,
    claims,
    exit_sentence,
)
from hmmrnn.experiments.emergence import Emergence
from hmmrnn.findings import Findings, findings
from hmmrnn.kick import EXCITE, NOISE, Picture, detect_kick_neurons
from hmmrnn.network import Intervention, Network
from hmmrnn.populations import CONTROL, INTEGRATING, KICK
from hmmrnn.report import SECTIONS, numbers, report, thresholds
from tests.networks import PlantedSwitch, kick_group, planted_switch


@pytest.fixture(scope="module")
def switch() -> PlantedSwitch:
    return planted_switch(hold=8, integrators=16, kick=3, echoes=2, idle=8)


@pytest.fixture(scope="module")
def told() -> list[float]:
    return []


@pytest.fixture(scope="module")
def found(switch, told) -> Findings:
    return findings(switch.network, seed=0, tell=told.append)


@pytest.fixture(scope="module")
def diverging() -> Findings:
    return findings(Network(1.5 * np.eye(3), np.eye(3), np.eye(2, 3)), seed=0)


def of(found: Findings, key: str) -> Claim:
    return next(claim for claim in claims(found) if claim.key == key)


class TestFindings:
    def test_the_planted_neurons_are_found_and_silenced_for_the_eye(self, switch, found):
        assert [group.output for group, _ in found.silenced] == [0, 1]
        for group, now in found.silenced:
            assert set(group.neurons) == set(switch.kick_of(group.output))
            # The same noise and start, and the output is hardly left once it is there.
            assert now.points.shape == found.motion.points.shape
            assert now.switching.leave_rate[group.output] < 0.5 * found.motion.switching.leave_rate[group.output]

    def test_every_population_has_its_sweep(self, found):
        # The planted integrators excite one kick group and inhibit none, so nobody is integrating by the definition.
        roles = [(one.role, one.output, one.target) for one in found.gains]
        assert roles == [(KICK, 0, "recurrent"), (KICK, 1, "recurrent"), (CONTROL, -1, "unit")]
        assert all(tuple(sweep.neurons) == one.neurons for one, sweep in found.gains.items())

    def test_it_is_the_same_as_each_analysis_alone(self, switch, found):
        again = detect_kick_neurons(switch.network, seed=0)
        assert [g.neurons for g in again.groups] == [g.neurons for g in found.kick.groups]
        assert [g.leave_rate_ratio for g in again.groups] == [g.leave_rate_ratio for g in found.kick.groups]

    def test_progress_rises_from_0_to_the_end(self, found, told):
        assert told == sorted(told)
        assert told[0] == 0.2 or told[0] < 0.2
        assert told[-1] > 0.85

    def test_without_a_target_and_a_series_there_is_no_judgement_of_them(self, found):
        assert found.judged is None
        assert found.emergence is None
        assert "names no HMM family" in found.no_target

    def test_of_a_network_that_diverges_nothing_else_is_known(self, diverging):
        assert diverging.plane is None
        assert diverging.kick is None
        assert diverging.silenced == ()


class TestClaims:
    def test_each_has_its_own_key_a_section_and_a_sentence_with_a_number_or_a_reason(self, found):
        judged = claims(found)
        assert len({claim.key for claim in judged}) == len(judged)
        assert {claim.section for claim in judged} == set(SECTIONS)
        for claim in judged:
            assert claim.sentence.endswith((".", ")"))
            assert claim.verdict in (REPRODUCED, DIFFERS, NOT_REPRODUCED, UNKNOWN)
            assert re.search(r"\d", claim.sentence) or claim.verdict == UNKNOWN

    def test_the_planted_circuit_reproduces_what_was_planted(self, switch, found):
        kick = of(found, "kick")
        assert kick.verdict == REPRODUCED
        for group in found.kick.groups:
            assert (
                f"Silencing neurons {', '.join(map(str, group.neurons))} leaves output {group.output} " in kick.sentence
            )
        assert of(found, "agreement").verdict == REPRODUCED
        assert of(found, "radius").sentence.count("with a bias") == 1

    def test_where_nothing_is_known_the_reason_is_said(self, diverging):
        for claim in claims(diverging):
            assert claim.verdict == UNKNOWN
            expected = {"fidelity": "There is no HMM", "emergence": "There are no snapshots"}
            assert claim.sentence.startswith(expected.get(claim.key, "The network diverges under noise of sigma = 1"))

    def test_a_gain_that_traps_is_told_from_one_that_does_not(self, found):
        kicks = [(one, sweep) for one, sweep in found.gains.items() if one.role == KICK]
        for key, role, target in (("kick-off", KICK, 0.0), ("integrating-off", INTEGRATING, 0.1)):
            for factor, verdict in ((target, REPRODUCED), (0.5, NOT_REPRODUCED)):
                gains = {}
                for one, sweep in kicks:
                    rate = sweep.leave_rate.copy()
                    rate[0, one.output] = factor * rate[10, one.output]
                    gains[one._replace(role=role)] = replace(sweep, leave_rate=rate)
                claim = of(replace(found, gains=gains), key)
                assert claim.verdict == verdict
                assert f"left {factor:.2f} times as often" in claim.sentence

    def test_one_of_two_that_traps_differs(self, found):
        gains = dict(found.gains)
        for one, sweep in found.gains.items():
            if one.role == KICK:
                rate = sweep.leave_rate.copy()
                rate[0, one.output] = one.output * rate[10, one.output]
                gains[one] = replace(sweep, leave_rate=rate)
        assert of(replace(found, gains=gains), "kick-off").verdict == DIFFERS

    @pytest.mark.parametrize(
        ("shape", "verdict"),
        [
            (lambda mu: 0.5 + (mu - 1) ** 2, REPRODUCED),
            (lambda mu: 1.0 - 0.3 * mu, NOT_REPRODUCED),
            (lambda mu: np.full(len(mu), 0.8), NOT_REPRODUCED),
            (lambda mu: np.where(mu < 0.15, 0.8, np.nan), UNKNOWN),
        ],
    )
    def test_a_resonance_needs_a_minimum_inside(self, found, shape, verdict):
        sweep = found.resonance
        cv = shape(sweep.mu)
        made = replace(sweep, interval_cv=cv, interval_cv_se=np.full(len(cv), 0.02))
        assert of(replace(found, resonance=made), "resonance").verdict == verdict

    def test_several_fixed_points_differ(self, found):
        ends = found.ends
        one = replace(ends, h=np.zeros_like(ends.h), outcome=np.full(len(ends.h), "converged"))
        assert of(replace(found, ends=one), "fixed-point").verdict == REPRODUCED
        assert "the origin" in of(replace(found, ends=one), "fixed-point").sentence
        h = np.zeros_like(ends.h)
        h[::2] = 5.0
        assert of(replace(found, ends=replace(one, h=h)), "fixed-point").verdict == DIFFERS
        cycles = replace(one, outcome=np.full(len(ends.h), "cycle"))
        claim = of(replace(found, ends=cycles), "fixed-point")
        assert claim.verdict == NOT_REPRODUCED
        assert "cycle 500" in claim.sentence

    def test_blocks_are_judged_by_signs_beyond_their_errors(self, found):
        weights = found.weights
        at = [i for i, (role, _) in enumerate(weights.blocks) if role == KICK]
        mean, se = weights.mean.copy(), np.full_like(weights.se, 0.01)
        mean[np.ix_(at, at)] = [[0.31, -0.42], [-0.4, 0.3]]
        made = replace(weights, mean=mean, se=se)
        claim = of(replace(found, weights=made), "kick-weights")
        assert claim.verdict == REPRODUCED
        assert "within +0.310 ± 0.010, +0.300 ± 0.010, between -0.420 ± 0.010, -0.400 ± 0.010" in claim.sentence
        assert of(replace(found, weights=replace(made, mean=-mean)), "kick-weights").verdict == NOT_REPRODUCED
        assert of(replace(found, weights=replace(made, se=se * 1e3)), "kick-weights").verdict == NOT_REPRODUCED

    @pytest.mark.parametrize(("loss", "verdict"), [(36.0, REPRODUCED), (16.0, DIFFERS)])
    def test_the_orbit_has_to_open_before_the_loss_has_fallen(self, found, loss, verdict):
        claim = of(replace(found, emergence=grown(loss, 2)), "emergence")
        assert claim.verdict == verdict
        assert "opens at step 30 (before: 20)" in claim.sentence
        assert of(replace(found, emergence=grown(loss, None)), "emergence").verdict == NOT_REPRODUCED

    def test_an_exit_is_told_with_its_null_and_with_what_else_was_tried(self):
        controls = np.linspace(0.6, 1.4, 200)
        holds = Picture(EXCITE, Intervention((5,), 2.0, "recurrent"), 0.03, np.ones(200), bounded=True, proven=True)
        none = Picture(NOISE, Intervention((), 0.0, "input"), 1.0, np.empty(0), bounded=True, proven=False)
        group = kick_group(0, (3, 6), 0.45, controls=controls, proven=False, to=2, pictures=(none, holds))
        text = exit_sentence(group)
        assert text.startswith(
            "Silencing neurons 3, 6 leaves output 0 for 2 0.45 times as often (200 random groups: median 1.00, 1st "
            "percentile 0.61; 0.0 % of them go as low): not proven"
        )
        assert "For silencing the noise of the neurons that pass it on no neuron qualifies." in text
        assert (
            "Doubling the recurrent gain of what holds the output (neuron 5) leaves output 0 for 2 0.03 times" in text
        )
        assert "not proven (at most 0.15 is asked for)" in text
        assert exit_sentence(kick_group(1, (), 1.0, (), proven=False)) == (
            "No neuron has the profile of a kick neuron for leaving output 1."
        )

    @pytest.mark.parametrize(
        ("ratio", "controls", "missing"),
        [
            (0.2, (1.0,), "at most 0.15 is asked for"),
            (0.1, (0.05, 1.0), "more than 5 % of the random groups go as low"),
            (0.1, (), "too few other neurons to compare with"),
            (0.1, (1.0,), "activity then grows without bound"),
        ],
    )
    def test_what_a_proof_lacks_is_said(self, ratio, controls, missing):
        assert f"not proven ({missing})" in exit_sentence(kick_group(0, (3,), ratio, controls, proven=False))


def grown(loss: float, bifurcation: int | None) -> Emergence:
    """Four snapshots; the loss at the third decides whether it has fallen by then."""
    curve = np.array([0.1, 0.2, 0.3, 0.4])
    names = [name for name in Emergence.__dataclass_fields__ if name not in ("sigma", "seed")]
    made = dict.fromkeys(names, curve)
    made |= {"steps_done": np.array([10, 20, 30, 40]), "loss": np.array([37.0, 37.0, loss, 15.0])}
    made |= {"loss_floor": 14.0, "loss_plateau": 37.0, "bifurcation": bifurcation}
    return Emergence(**made, sigma=1.0, seed=0)


class TestNoKickNeurons:
    def test_without_a_proven_group_the_claim_is_not_reproduced_whatever_else_closes_an_exit(self, found):
        holds = Picture(EXCITE, Intervention((5,), 2.0, "recurrent"), 0.03, np.ones(200), bounded=True, proven=True)
        groups = (kick_group(0, (), 1.0, (), proven=False, pictures=(holds,)), kick_group(1, (3,), 0.05))
        some = of(replace(found, kick=replace(found.kick, groups=groups)), "kick")
        none = of(replace(found, kick=replace(found.kick, groups=groups[:1])), "kick")
        assert (some.verdict, none.verdict) == (DIFFERS, NOT_REPRODUCED)
        assert "proven" in none.sentence


class TestReport:
    @pytest.fixture(scope="class")
    @classmethod
    def written(cls, found) -> str:
        return report(found, "planted & <named>")

    def test_every_sentence_and_verdict_is_on_it_in_the_order_of_the_argument(self, found, written):
        text = (
            written.replace("&#39;", "'")
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&#34;", '"')
        )
        at = [text.index(f"<p>{claim.sentence}</p>") for claim in claims(found)]
        assert at == sorted(at)
        assert [written.index(f'<section id="{key}">') for key in SECTIONS] == sorted(
            written.index(f'<section id="{key}">') for key in SECTIONS
        )

    def test_names_are_escaped(self, written):
        assert "<title>planted &amp; &lt;named&gt;" in written

    def test_thresholds_and_seed_are_said(self, written):
        assert "seed 0" in written
        for text in thresholds().values():
            assert text.replace("<", "&lt;").replace(">", "&gt;") in written

    def test_of_a_network_that_diverges_it_says_so(self, diverging):
        page = report(diverging, "grows")
        assert "The network diverges under noise of sigma = 1" in page
        assert "data-plot=" not in page.split("</script>", 1)[1].split("<script>")[0]

    def test_numbers_are_those_of_the_page(self, found):
        told = json.loads(json.dumps(numbers(found)))
        assert [claim["sentence"] for claim in told["claims"]] == [claim.sentence for claim in claims(found)]
        assert [group["neurons"] for group in told["kick_groups"]] == [list(g.neurons) for g in found.kick.groups]
        assert told["fidelity"] is None
