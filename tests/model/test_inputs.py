"""Inputs beside noise: constants, sequences from tables, and fewer inputs that drive in the same way."""

import re

import numpy as np
import pytest

from hmmrnn.analysis.stability import fixed_points, jacobian
from hmmrnn.model.checkpoint import load, save
from hmmrnn.model.inputs import (
    MOST_ROWS,
    project_inputs,
    read_inputs,
    repeated,
    with_constant,
    with_fewer_inputs,
    with_sigma,
)
from hmmrnn.model.network import Intervention, intervene
from hmmrnn.model.simulation import draw_noise, draw_starts, run, simulate
from tests.model.test_cells import KINDS
from tests.networks import network_of_cell, random_network


class TestConstant:
    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
    def test_it_enters_as_a_given_input_does(self, kind):
        cell = network_of_cell(**kind)
        touched = [Intervention((0, 2), 0.5), Intervention((1,), 1.7, "input"), Intervention((3,), 0.3, "recurrent")]
        c = np.linspace(-1, 1, cell.n_inputs)
        found = simulate(intervene(with_constant(cell, c), touched), 40, 2, sigma=0.5, seed=3)
        wanted = run(intervene(cell, touched), c + draw_noise(cell.n_inputs, 40, 2, 0.5, 3))
        np.testing.assert_allclose(found.state, wanted.state, atol=1e-12)

    def test_one_number_is_for_all_inputs(self):
        np.testing.assert_array_equal(with_constant(random_network(5, 3), 0.25).constant, [0.25] * 3)

    def test_another_number_of_values_is_refused(self):
        with pytest.raises(ValueError, match=r"one number, or 3, one for each input; got 2"):
            with_constant(random_network(5, 3), [1, 2])
        with pytest.raises(ValueError, match="constant must be finite"):
            with_constant(random_network(5, 3), [np.nan, 0, 0])

    def test_fixed_points_and_jacobians_are_those_under_it(self):
        network, c = random_network(8, 3, bias=True), np.array([0.4, -0.2, 1.0])
        np.testing.assert_allclose(
            fixed_points(with_constant(network, c)).points, fixed_points(network, input=c).points, atol=1e-9
        )
        h = simulate(network, 5).h[0]
        np.testing.assert_array_equal(jacobian(with_constant(network, c), h), jacobian(network, h, input=c))

    def test_it_ends_the_scaling_with_the_noise_and_is_not_written(self, tmp_path):
        network = with_constant(random_network(5, 3), 1.0)
        assert not network.scales_with_noise
        save(network, tmp_path / "net.safetensors")
        assert load(tmp_path / "net.safetensors").constant is None


class TestFewerInputs:
    def test_a_given_input_drives_as_before(self):
        network = random_network(6, 40, bias=True)
        rows = np.random.default_rng(0).normal(size=(20, 40))
        few, less = with_fewer_inputs(network), project_inputs(network, rows)
        np.testing.assert_allclose(few.drive(less), network.drive(rows), atol=1e-12)
        steady = with_fewer_inputs(with_constant(network, rows[0]))
        np.testing.assert_allclose(steady.drive_bias, network.drive(rows[0]), atol=1e-12)


class TestSequence:
    def test_it_begins_anew_after_its_last_row(self):
        network, rows = random_network(6, 2), np.arange(6.0).reshape(3, 2)
        found = simulate(network, 8, 2, sigma=0.3, seed=1, given=rows)
        whole = np.concatenate([rows, rows, rows[:2]])
        np.testing.assert_allclose(found.h, run(network, whole + draw_noise(2, 8, 2, 0.3, 1)).h, atol=1e-12)
        np.testing.assert_array_equal(repeated(rows, 8), whole)

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("1,2\n3,4\n", [[1, 2], [3, 4]]),
            ("go,stim\n1,2\n3,4", [[1, 2], [3, 4]]),
            ("x1,x0\n1,2\n3,4", [[2, 1], [4, 3]]),
            ("input 2;input 1\r\n1;2\r\n", [[2, 1]]),
            ("\ufeff1\t-2e-1\n\n0\t.5\n", [[1, -0.2], [0, 0.5]]),
            ('"a"\n1\n2', [[1], [2]]),
        ],
    )
    def test_columns_are_named_or_in_order(self, text, wanted):
        np.testing.assert_array_equal(read_inputs(text), wanted)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "is empty"),
            ("a,b\n", "must have 1 to 10,000 rows, one for each step; got 0"),
            ("1,2\n3", "line 2 of this table of inputs has 1 values; expected 2 as in line 1"),
            ("a,b\n1,x", "line 2 of this table of inputs has 'x'; expected a number"),
            ("1,2\n3,inf", "line 2 of this table of inputs has 'inf'"),
            ("x0,x0\n1,2", "number the inputs 0, 0; expected each number from 0 to 1 once"),
            ("1," + "2" * 140_000, "is not text with ',' between its cells: field larger than field limit"),
            ('"1,2\n3,4', "cells: unexpected end of data"),
            ("1\n" * (MOST_ROWS + 1), "1 to 10,000 rows, one for each step; got 10,001"),
        ],
    )
    def test_what_is_no_table_of_inputs_is_named(self, text, why):
        with pytest.raises(ValueError, match=re.escape(why)):
            read_inputs(text)


def test_random_starts_do_not_depend_on_how_many_there_are():
    network = random_network(6, 2)
    few, many = draw_starts(network, 2, 5), draw_starts(network, 4, 5)
    np.testing.assert_array_equal(few, many[:2])
    assert np.abs(many.mean()) < 1
    assert not np.array_equal(many, draw_starts(network, 4, 6))


@pytest.mark.parametrize("cell", ["relu", "tanh", "gru", "lstm"])
def test_noise_of_another_size_is_that_of_another_network(cell):
    network = with_constant(network_of_cell(cell), 0.3)
    there, here = simulate(network, 40, 3, sigma=0.4, seed=2), simulate(with_sigma(network, 0.4), 40, 3, seed=2)
    np.testing.assert_allclose(here.h, there.h, atol=1e-12)
    np.testing.assert_array_equal(here.output, there.output)
    assert with_sigma(network, 1.0) is network
    with pytest.raises(ValueError, match="sigma must be above 0, or nothing moves; got 0"):
        with_sigma(network, 0.0)
