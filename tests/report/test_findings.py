"""Findings, claims and the page that tells them: on a planted circuit, and where there is nothing to find."""

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.emergence import Emergence
from hmmrnn.analysis.kick_neurons import EXCITE, NOISE, AlternativeTest
from hmmrnn.analysis.populations import CONTROL, INTEGRATING, KICK
from hmmrnn.model.network import Intervention, Network
from hmmrnn.report import findings
from hmmrnn.report.claims import Claim, judge_claims
from hmmrnn.report.findings import Findings, KnownParts, gather_findings
from hmmrnn.report.html import SECTIONS, collect_numbers, write_report
from hmmrnn.report.judge_mechanism import describe_group
from hmmrnn.report.published import ABSENT, AS_PUBLISHED, OPPOSITE, STRONGER, WEAKER
from hmmrnn.report.reference import NOT_MEASURED
from hmmrnn.report.verdicts import DIFFERS, NOT_REPRODUCED, REPRODUCED, UNKNOWN, describe_thresholds
from tests.networks import kick_group

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.fixtures_findings"]


HOLDS = AlternativeTest(EXCITE, Intervention((5,), 2.0, "recurrent"), 0.03, np.ones(200), bounded=True, proven=True)


@pytest.fixture(scope="module")
def found(studied) -> Findings:
    return studied


@pytest.fixture(scope="module")
def diverging() -> Findings:
    return gather_findings(Network(1.5 * np.eye(3), np.eye(3), np.eye(2, 3)), seed=0)


def with_dynamics(found: Findings, **changes) -> Findings:
    return replace(found, dynamics=replace(found.dynamics, **changes))


def with_mechanism(found: Findings, **changes) -> Findings:
    return with_dynamics(found, mechanism=replace(found.dynamics.mechanism, **changes))


def of(found: Findings, key: str) -> Claim:
    return next(claim for claim in judge_claims(found) if claim.key == key)


class TestFindings:
    def test_the_planted_neurons_are_found_and_silenced_under_the_same_noise(self, small_switch, found):
        summary, silenced = found.dynamics.summary, found.dynamics.mechanism.silenced
        assert [group.output for group, _ in silenced] == [0, 1]
        for group, now in silenced:
            assert set(group.neurons) == set(small_switch.kick_of(group.output))
            assert now.points.shape == summary.points.shape
            assert now.switching.leave_rate[group.output] < 0.5 * summary.switching.leave_rate[group.output]

    def test_every_population_has_its_sweep(self, found):
        # The planted integrators excite one kick group and inhibit none, so by the definition none is integrating.
        gains = found.dynamics.mechanism.gains
        roles = [(one.role, one.output, one.target) for one in gains]
        assert roles == [(KICK, 0, "recurrent"), (KICK, 1, "recurrent"), (CONTROL, -1, "unit")]
        assert all(tuple(sweep.neurons) == one.neurons for one, sweep in gains.items())

    def test_parts_that_are_known_are_not_computed_anew(self, small_switch, found, monkeypatch):
        for slow in (
            "detect_kick_neurons",
            "compare_seeds",
            "sweep_gains",
            "sweep_noise",
            "predict_leave_rates",
            "trace_emergence",
            "trace_formation",
        ):
            monkeypatch.setattr(findings, slow, None)
        part, there = found.dynamics.mechanism, found.dynamics
        known = KnownParts(
            kick=part.kick,
            agreement=part.agreement,
            gains={one.name: sweep for one, sweep in part.gains.items()},
            noise=there.noise,
            resonance=part.resonance,
            theory=part.theory,
            emergence="of the training",
            formation="also of it",
        )
        again = gather_findings(small_switch.network, found.seed, [small_switch.network], known=known)
        assert list(again.dynamics.mechanism.gains.items()) == list(part.gains.items())
        assert (again.dynamics.mechanism.kick, again.dynamics.mechanism.agreement) == (part.kick, part.agreement)
        assert (again.dynamics.noise, again.dynamics.mechanism.resonance) == (there.noise, part.resonance)
        assert again.dynamics.mechanism.theory is part.theory
        assert (again.emergence, again.formation) == ("of the training", "also of it")
        # What is computed is what was found before.
        np.testing.assert_array_equal(again.dynamics.survey.points, there.survey.points)

    def test_every_analysis_has_the_same_seed(self, found):
        there = found.dynamics
        sweeps = [*there.mechanism.gains.values(), there.mechanism.resonance, there.noise, there.sensitivity]
        alone = {there.mechanism.kick.seed, there.mechanism.theory.seed}
        assert {found.seed, *alone, *(sweep.seed for sweep in sweeps)} == {3}
        assert there.mechanism.agreement.seeds == (3, 4)

    def test_progress_rises_to_the_end(self, studied_progress):
        assert studied_progress == sorted(studied_progress)
        assert studied_progress[0] <= 0.2
        assert studied_progress[-1] > 0.85

    def test_without_a_target_and_snapshots_there_is_no_judgement_of_them(self, found):
        assert found.judged is None
        assert found.emergence is None
        assert found.formation is None
        assert "names no HMM family" in found.no_target

    def test_a_network_that_diverges_has_no_dynamics(self, diverging):
        assert diverging.dynamics is None

    def test_a_single_neuron_has_no_plane(self):
        with pytest.raises(ValueError, match="at least 2 neurons; got a network of 1"):
            gather_findings(Network([[0.5]], [[1.0]], [[1.0], [-1.0]]))


class TestClaims:
    def test_each_has_its_own_key_a_section_and_a_sentence_with_a_number_or_a_reason(self, found):
        judged = judge_claims(found)
        assert len({claim.key for claim in judged}) == len(judged)
        assert {claim.section for claim in judged} == set(SECTIONS)
        for claim in judged:
            assert claim.evidence.endswith((".", ")"))
            assert claim.verdict in (AS_PUBLISHED, WEAKER, STRONGER, ABSENT, OPPOSITE, NOT_MEASURED)
            assert np.isfinite([claim.published, claim.spread]).all()
            assert np.isnan(claim.here) == (claim.verdict == NOT_MEASURED)
            assert f": {claim.verdict}." in claim.sentence
            assert claim.test in (REPRODUCED, DIFFERS, NOT_REPRODUCED, UNKNOWN)
            assert re.search(r"\d", claim.evidence) or claim.test == UNKNOWN

    def test_the_planted_circuit_reproduces_what_was_planted(self, found):
        kick = of(found, "kick")
        assert kick.test == REPRODUCED
        for group in found.dynamics.mechanism.kick.groups:
            neurons = ", ".join(map(str, group.neurons))
            assert f"Silencing neurons {neurons} multiplies the leave rate of {group.exit_name}" in kick.evidence
        assert of(found, "agreement").test == REPRODUCED
        assert of(found, "radius").evidence.count("with a bias") == 1

    def test_where_nothing_is_known_the_reason_is_said(self, diverging):
        for claim in judge_claims(diverging):
            assert (claim.test, claim.verdict) == (UNKNOWN, NOT_MEASURED)
            assert "diverges" in claim.sentence
            expected = {"fidelity": "There is no HMM", "emergence": "There are no snapshots"}
            assert claim.evidence.startswith(expected.get(claim.key, "The network diverges under noise of sigma = 1"))

    def test_a_gain_that_traps_is_judged_apart_from_one_that_does_not(self, found):
        kicks = [(one, sweep) for one, sweep in found.dynamics.mechanism.gains.items() if one.role == KICK]
        for key, role, target in (("kick-off", KICK, 0.0), ("integrating-off", INTEGRATING, 0.1)):
            for factor, verdict in ((target, REPRODUCED), (0.5, NOT_REPRODUCED)):
                gains = {}
                for one, sweep in kicks:
                    rate = sweep.leave_rate.copy()
                    rate[0, one.output] = factor * rate[10, one.output]
                    gains[one._replace(role=role)] = replace(sweep, leave_rate=rate)
                claim = of(with_mechanism(found, gains=gains), key)
                assert claim.test == verdict
                assert f"left {factor:.2f} times as often" in claim.evidence

    def test_one_of_two_that_traps_differs(self, found):
        gains = dict(found.dynamics.mechanism.gains)
        for one, sweep in found.dynamics.mechanism.gains.items():
            if one.role == KICK:
                rate = sweep.leave_rate.copy()
                rate[0, one.output] = one.output * rate[10, one.output]
                gains[one] = replace(sweep, leave_rate=rate)
        assert of(with_mechanism(found, gains=gains), "kick-off").test == DIFFERS

    @pytest.mark.parametrize(("shape", "verdict"), [
        (lambda mu: 0.5 + (mu - 1) ** 2, REPRODUCED), (lambda mu: 1.0 - 0.3 * mu, NOT_REPRODUCED),
        (lambda mu: np.full(len(mu), 0.8), NOT_REPRODUCED), (lambda mu: np.where(mu < 0.15, 0.8, np.nan), UNKNOWN),
    ])  # fmt: skip
    def test_a_resonance_needs_a_minimum_inside(self, found, shape, verdict):
        sweep = found.dynamics.mechanism.resonance
        cv = shape(sweep.mu)
        made = replace(sweep, interval_cv=cv, interval_cv_se=np.full(len(cv), 0.02))
        assert of(with_mechanism(found, resonance=made), "resonance").test == verdict

    def test_several_fixed_points_differ(self, found):
        ends = found.dynamics.ends
        origin = np.zeros((1, ends.h.shape[1]))
        one = replace(ends, outcome=np.full(len(ends.h), "converged"), points=origin)
        claim = of(with_dynamics(found, ends=one), "fixed-point")
        assert (claim.test, "the origin" in claim.evidence) == (REPRODUCED, True)
        two = np.concatenate([origin, origin + 5])
        assert of(with_dynamics(found, ends=replace(one, points=two)), "fixed-point").test == DIFFERS
        cycles = replace(one, outcome=np.full(len(ends.h), "cycle"))
        claim = of(with_dynamics(found, ends=cycles), "fixed-point")
        assert claim.test == NOT_REPRODUCED
        assert "cycle 500" in claim.evidence

    def test_blocks_are_judged_by_signs_beyond_their_errors(self, found):
        weights = found.dynamics.mechanism.weights
        at = [i for i, (role, _) in enumerate(weights.blocks) if role == KICK]
        mean, se = weights.mean.copy(), np.full_like(weights.se, 0.01)
        mean[np.ix_(at, at)] = [[0.31, -0.42], [-0.4, 0.3]]
        made = replace(weights, mean=mean, se=se)
        claim = of(with_mechanism(found, weights=made), "kick-weights")
        assert claim.test == REPRODUCED
        assert "within +0.310 ± 0.010, +0.300 ± 0.010, between -0.420 ± 0.010, -0.400 ± 0.010" in claim.evidence
        assert of(with_mechanism(found, weights=replace(made, mean=-mean)), "kick-weights").test == NOT_REPRODUCED
        assert of(with_mechanism(found, weights=replace(made, se=se * 1e3)), "kick-weights").test == NOT_REPRODUCED

    @pytest.mark.parametrize(("loss", "verdict"), [(36.0, REPRODUCED), (16.0, DIFFERS)])
    def test_the_orbit_has_to_open_before_the_loss_has_fallen(self, found, loss, verdict):
        claim = of(replace(found, emergence=grown(loss, 2)), "emergence")
        assert claim.test == verdict
        assert "opens at step 30 (before: 20)" in claim.evidence
        assert of(replace(found, emergence=grown(loss, None)), "emergence").test == NOT_REPRODUCED

    def test_an_exit_is_described_with_its_null_and_with_what_else_was_tried(self):
        controls = np.linspace(0.6, 1.4, 200)
        none = AlternativeTest(NOISE, Intervention((), 0.0, "input"), 1.0, np.empty(0), bounded=True, proven=False)
        group = kick_group(0, (3, 6), 0.45, controls=controls, proven=False, to=2, alternatives=(none, HOLDS))
        text = describe_group(group)
        assert text.startswith(
            "Silencing neurons 3, 6 multiplies the leave rate of output 0 → 2 by 0.45 (200 random groups: median 1.00, "
            "1st percentile 0.61; 0.0 % of them go as low): no small group found (at most 0.15 is required)."
        )
        assert "For silencing the noise of the neurons that pass it on no neuron qualifies." in text
        assert (
            "Doubling the recurrent gain of the neurons that hold the output (neuron 5) multiplies the leave rate of "
            "output 0 → 2 by 0.03" in text
        )
        assert describe_group(kick_group(1, (), 1.0, (), proven=False)) == (
            "No neuron has the profile of a kick neuron for leaving output 1."
        )

    @pytest.mark.parametrize(("ratio", "controls", "missing"), [
        (0.2, (1.0,), "at most 0.15 is required"),
        (0.1, (0.05, 1.0), "more than 5 % of the random groups go as low"),
        (0.1, (), "too few other neurons to compare with"), (0.1, (1.0,), "activity then grows without bound"),
    ])  # fmt: skip
    def test_what_a_proof_lacks_is_said(self, ratio, controls, missing):
        assert f"no small group found ({missing})" in describe_group(kick_group(0, (3,), ratio, controls, proven=False))


def grown(loss: float, bifurcation: int | None) -> Emergence:
    """Four snapshots; the loss at the third decides whether it has fallen by then."""
    curve = np.array([0.1, 0.2, 0.3, 0.4])
    names = [name for name in Emergence.__dataclass_fields__ if name not in ("sigma", "seed")]
    made = dict.fromkeys(names, curve)
    made |= {"steps_done": np.array([10, 20, 30, 40]), "loss": np.array([37.0, 37.0, loss, 15.0])}
    made |= {"loss_floor": 14.0, "loss_plateau": 37.0, "bifurcation": bifurcation}
    return Emergence(**made, sigma=1.0, seed=0)


class TestNoKickNeurons:
    def test_what_else_closes_an_exit_does_not_reproduce_the_claim(self, found):
        groups = (kick_group(0, (), 1.0, (), proven=False, alternatives=(HOLDS,)), kick_group(1, (3,), 0.05))
        some = of(with_mechanism(found, kick=replace(found.dynamics.mechanism.kick, groups=groups)), "kick")
        none = of(with_mechanism(found, kick=replace(found.dynamics.mechanism.kick, groups=groups[:1])), "kick")
        assert (some.test, none.test) == (DIFFERS, NOT_REPRODUCED)
        assert "closes the exit (held-out noise)" in none.evidence


class TestReport:
    @pytest.fixture(scope="class")
    @classmethod
    def written(cls, found) -> str:
        return write_report(found, "planted & <named>")

    def test_every_sentence_and_verdict_is_on_it_in_the_order_of_the_argument(self, found, written):
        text = html.unescape(written)
        for said in ("sentence", "evidence"):
            at = [text.index(f"{getattr(claim, said)}</p>") for claim in judge_claims(found)]
            assert at == sorted(at)
        sections = [written.index(f'<section id="{key}">') for key in SECTIONS]
        assert sections == sorted(sections)

    def test_names_are_escaped(self, written):
        assert "<title>planted &amp; &lt;named&gt;" in written

    def test_thresholds_and_seed_are_said(self, written):
        assert "seed 3" in written
        for text in describe_thresholds().values():
            assert text.replace("<", "&lt;").replace(">", "&gt;") in written

    def test_of_a_network_that_diverges_it_says_so(self, diverging):
        page = write_report(diverging, "grows")
        assert "The network diverges under noise of sigma = 1" in page
        assert "data-plot=" not in page.split("</script>", 1)[1].split("<script>")[0]

    def test_numbers_are_those_of_the_page(self, found):
        written = json.loads(json.dumps(collect_numbers(found)))
        for said in ("verdict", "sentence", "test", "evidence"):
            assert [claim[said] for claim in written["claims"]] == [getattr(c, said) for c in judge_claims(found)]
        groups = found.dynamics.mechanism.kick.groups
        assert [group["neurons"] for group in written["kick_groups"]] == [list(group.neurons) for group in groups]
        assert written["fidelity"] is None
