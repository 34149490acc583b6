"""The scenario: a link that opens what it was copied from, a sentence for every bad one, and a key without looks."""

import re
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmrnn.explorer import scenario as limits
from hmmrnn.explorer.scenario import MAX_LINK, Against, Scenario
from hmmrnn.model.network import TARGETS, Intervention

FOUR_DECIMALS = 10_000
# A scenario has many fields; each test draws all of them many times.
few = settings(max_examples=25)


def decimals(most: float) -> st.SearchStrategy[float]:
    """Numbers that a link can say: at most four decimals."""
    return st.integers(0, round(most * FOUR_DECIMALS)).map(lambda x: x / FOUR_DECIMALS)


def interventions() -> st.SearchStrategy[Intervention]:
    neurons = st.lists(st.integers(0, 2047), min_size=1, max_size=6, unique=True).map(tuple)
    return st.builds(Intervention, neurons, decimals(limits.MAX_MU), st.sampled_from(TARGETS))


@st.composite
def scenarios(draw) -> Scenario:
    steps = draw(st.integers(*limits.STEPS))
    dimensions = draw(st.sampled_from(limits.DIMENSIONS))
    return Scenario(
        model=draw(st.sampled_from(["linear-2", "9", "A.b_c-d", "x" * 100])),
        sigma=draw(decimals(limits.MAX_SIGMA)),
        seed=draw(st.integers(0, limits.MAX_SEED)),
        steps=steps,
        trajectories=draw(st.integers(limits.TRAJECTORIES[0], min(limits.TRAJECTORIES[1], limits.MAX_STATES // steps))),
        colour=draw(st.sampled_from(sorted(limits.COLOURS))),
        neuron=draw(st.integers(0, 2047)),
        interventions=tuple(draw(st.lists(interventions(), max_size=6))),
        pair=draw(st.none() | st.tuples(st.integers(0, 4), st.integers(5, 9))),
        dimensions=dimensions,
        large=draw(st.sampled_from([None, "activity", "gain-sweep", "about"])),
        map=draw(st.sampled_from(limits.MAP_COLOURS)),
        without_noise=draw(st.booleans()),
        paths=draw(st.booleans()),
        area=draw(st.none() | numbers(6) | numbers(8) | numbers(2 * limits.MAX_CORNERS)),
        span=draw(st.none() | st.tuples(st.integers(1, 20), st.integers(20, steps))),
        picked=draw(st.none() | st.integers(0, 2047)),
        camera=draw(st.none() | numbers(limits.CAMERA_NUMBERS[dimensions])),
        against=draw(
            st.none() | st.builds(Against, st.lists(interventions(), max_size=3).map(tuple), decimals(limits.MAX_SIGMA))
        ),
        beside=draw(st.booleans()),
    )


def numbers(count: int) -> st.SearchStrategy[tuple[float, ...]]:
    """So many places, on either side of zero."""
    one = st.integers(-10 * FOUR_DECIMALS, 10 * FOUR_DECIMALS).map(lambda x: x / FOUR_DECIMALS)
    return st.lists(one, min_size=count, max_size=count).map(tuple)


def json_values() -> st.SearchStrategy:
    """Anything that JSON can hold, with a taste for the names and shapes of a scenario."""
    names = st.sampled_from(
        ["model", "sigma", "seed", "steps", "interventions", "neurons", "mu", "target", "colour", "pair", "dimensions"]
        + ["large", "tab", "map", "without_noise", "paths", "area", "span", "picked", "camera", "against", "beside"]
    )
    numbers = st.integers() | st.floats() | st.sampled_from([10**400, -1, 2**63, 1e308])
    leaves = st.none() | st.booleans() | numbers | st.text(max_size=8) | st.sampled_from(["linear-2", "unit", "nan"])
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=4), inner, max_size=5),
        max_leaves=12,
    )


def scenario_or_sentence(data) -> Scenario | str:
    """What a page's data makes, or why it makes nothing; any other error ends the test."""
    try:
        return Scenario.from_dict(data)
    except ValueError as error:
        return str(error)


class TestLink:
    @few
    @given(scenarios())
    def test_a_link_opens_what_it_was_copied_from(self, scenario):
        opened = Scenario.from_query(scenario.to_query(), "other")
        # The neuron is only said where it is shown.
        seen = scenario if scenario.colour == "neuron" else replace(scenario, neuron=0)
        assert opened == seen

    @few
    @given(scenarios())
    def test_the_order_of_interventions_changes_no_answer(self, scenario):
        assert Scenario.from_query(scenario.to_query(), "other").simulated == scenario.simulated

    @few
    @given(scenarios())
    def test_a_link_is_its_own_link(self, scenario):
        once = scenario.to_query()
        assert Scenario.from_query("?" + once, "other").to_query() == once

    @few
    @given(scenarios())
    def test_a_link_needs_no_escapes(self, scenario):
        assert re.fullmatch(r"[A-Za-z0-9._,:&=-]+", scenario.to_query())

    def test_the_link_that_others_rely_on(self):
        scenario = Scenario.from_query("model=linear-2&ablate=13,22&sigma=1.0&seed=0", "other")
        items = (Intervention((13,)), Intervention((22,)))
        assert scenario == Scenario("linear-2", sigma=1.0, seed=0, interventions=items)
        assert scenario.to_query().startswith("model=linear-2&ablate=13,22&sigma=1.0&seed=0&")

    def test_the_example_in_the_docs(self):
        query = "/?model=linear-2&ablate=13,22&gain=5,6:0.5:recurrent&sigma=1.0&seed=0&steps=500&trajectories=12"
        scenario = Scenario.from_query(query.partition("?")[2] + "&colour=output", "other")
        assert scenario.interventions[2] == Intervention((5, 6), 0.5, "recurrent")
        assert "/?" + scenario.to_query() == query + "&colour=output"

    def test_the_plane_of_a_pair_and_the_third_axis_are_in_the_link(self):
        scenario = Scenario.from_query("model=cyclic&pair=0-2&view=3d", "other")
        assert (scenario.pair, scenario.dimensions) == ((0, 2), 3)
        assert scenario.to_query().endswith("&colour=output&pair=0-2&view=3d")
        assert "pair" not in Scenario("cyclic").to_query()
        assert Scenario.from_query("view=2d", "cyclic") == Scenario("cyclic")

    def test_an_empty_link_opens_a_new_scenario(self):
        for query in ("", "?"):
            assert Scenario.from_query(query, "linear-3") == Scenario("linear-3")

    def test_numbers_are_written_as_the_page_writes_them(self):
        scenario = Scenario("net", sigma=0.05, interventions=(Intervention((1, 2), 1 / 3), Intervention((3,), 2.0)))
        assert scenario.to_query().startswith("model=net&gain=1,2:0.3333:unit&gain=3:2.0:unit&sigma=0.05&")

    def test_a_group_that_is_silenced_stays_one_intervention(self):
        scenario = Scenario("net", interventions=(Intervention((4, 9)),))
        assert Scenario.from_query(scenario.to_query(), "net").interventions == (Intervention((4, 9)),)

    @pytest.mark.parametrize(("query", "sentence"), [
        ("sgima=1", "unknown link parameter 'sgima'; known are model, ablate, gain, sigma, seed, steps"),
        ("sigma=loud", "sigma must be a number; got 'loud'"), ("sigma=", "sigma must be a number; got ''"),
        ("sigma=-1", "sigma must be from 0 to 5.0; got -1"), ("sigma=5.5", "sigma must be from 0 to 5.0; got 5.5"),
        ("sigma=nan", "sigma must be from 0 to 5.0; got nan"), ("sigma=inf", "sigma must be from 0 to 5.0; got inf"),
        ("seed=1.5", "seed must be a whole number; got '1.5'"), ("seed=inf", "seed must be a whole number; got 'inf'"),
        ("seed=-1", "seed must be from 0 to 2,147,483,647; got -1"),
        ("steps=49", "steps must be from 50 to 2,000; got 49"),
        ("steps=2001", "steps must be from 50 to 2,000; got 2001"),
        ("trajectories=0", "trajectories must be from 1 to 64; got 0"),
        ("trajectories=65", "trajectories must be from 1 to 64; got 65"),
        ("steps=2000&trajectories=64", "steps times trajectories must be at most 32,000; got 2,000 x 64 = 128,000"),
        ("colour=red", "colour must be one of output, region, residency, speed, neuron; got 'red'"),
        ("colour=neuron&neuron=-3", "neuron must be from 0 to"),
        ("model=../secret", "of letters, digits, dot and dash; got '../secret'"),
        ("model=", "model must be the name of a network"), ("model=.hidden", "model must be the name of a network"),
        ("ablate=", "neurons must be whole numbers with commas between, as in 13,22; got ''"),
        ("ablate=3,x", "neurons must be whole numbers with commas between, as in 13,22; got '3,x'"),
        ("ablate=-3", "neurons must be whole numbers with commas between, as in 13,22; got '-3'"),
        ("ablate=1234567", "neurons must be whole numbers with commas between"),
        ("gain=5,6:0.5", "gain must be neurons:mu:target, as in 5,6:0.5:recurrent; got '5,6:0.5'"),
        ("gain=5,6:much:unit", "mu must be a number; got 'much'"), ("gain=5,6:-1:unit", "mu must be >= 0; got -1"),
        ("gain=5,6:2.5:unit", "mu must be from 0 to 2.0; got 2.5"), ("gain=5,6:nan:unit", "mu must be >= 0; got nan"),
        ("gain=5,6:1:bias", "target must be one of unit, recurrent, input; got 'bias'"),
        ("gain=5,5:1:unit", "each neuron may be named once; got 5 more than once"),
        ("pair=2-0", "pair must be two outputs, the lower one first, as in 0-2; got 2-0"),
        ("pair=1-1", "pair must be two outputs, the lower one first, as in 0-2; got 1-1"),
        ("pair=", "pair must be two whole numbers, the lower one first, as in 0-2; got ''"),
        ("large=<script>", "large must be the name of a view; got '<script>'"),
        ("map=red", "map must be one of region, residency, sign_changes, unstable; got 'red'"),
        ("without_noise=yes", "without_noise must be 1 or left out; got 'yes'"),
        ("area=0,0,1,1", "area must be 3 to 60 corners, each as x and y; got 4 numbers"),
        ("area=0,0,1,1,2", "area must be 3 to 60 corners, each as x and y; got 5 numbers"),
        ("area=0,0,1,1,nan,0", "area must be from -1,000,000 to 1,000,000; got nan"),
        ("area=0,0,1,,2,0", "area must be a number; got ''"),
        ("span=0-5", "span must be the first and the last step, from 1 to 400, as in 20-80; got 0-5"),
        ("span=5-4", "span must be the first and the last step, from 1 to 400, as in 20-80; got 5-4"),
        ("span=5-401", "span must be the first and the last step, from 1 to 400, as in 20-80; got 5-401"),
        ("picked=-1", "picked must be from 0 to 2,147,483,647; got -1"),
        ("picked=1.5", "picked must be a whole number; got '1.5'"),
        ("camera=1,2,3", "camera must be 4 numbers in 2 dimensions; got 3"),
        ("view=3d&camera=1,2,3,4", "camera must be 9 numbers in 3 dimensions; got 4"),
        ("camera=1,2,3,inf", "camera must be from -1,000,000 to 1,000,000; got inf"),
        ("a_sigma=6", "a_sigma must be from 0 to 5.0; got 6"), ("a_gain=1:3:unit", "mu must be from 0 to 2.0; got 3"),
        ("a_ablate=x", "neurons must be whole numbers with commas between, as in 13,22; got 'x'"),
        ("beside=2", "beside must be 1 or left out; got '2'"),
        ("pair=0-1-2", "pair must be two whole numbers, the lower one first, as in 0-2; got '0-1-2'"),
        ("pair=0--1", "pair must be two whole numbers, the lower one first, as in 0-2; got '0--1'"),
        ("view=4d", "view must be 2d or 3d; got '4d'"),
        ("ablate=" + ",".join(["1"] * 201), "at most 200 interventions are kept; got 201"),
    ])  # fmt: skip
    def test_a_bad_link_says_what_is_wrong(self, query, sentence):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            Scenario.from_query(query, "linear-2")


class TestStore:
    @few
    @given(scenarios())
    def test_what_the_page_holds_is_the_scenario(self, scenario):
        assert Scenario.from_dict(scenario.to_dict()) == scenario

    @few
    @given(scenarios())
    def test_whole_numbers_may_come_back_from_the_page_without_a_point(self, scenario):
        # In JavaScript 1.0 and 1 are the same number.
        data = scenario.to_dict()
        for name in ("sigma", "seed", "steps"):
            data[name] = int(data[name]) if float(data[name]).is_integer() else data[name]
        for item in data["interventions"]:
            item["mu"] = int(item["mu"]) if item["mu"].is_integer() else item["mu"]
        again = Scenario.from_dict(data)
        assert again == scenario
        # The cache goes by the text of a scenario.
        assert repr(again) == repr(scenario)

    @given(json_values())
    def test_data_of_a_page_is_a_scenario_or_a_sentence(self, data):
        made = scenario_or_sentence(data)
        assert isinstance(made, Scenario) or made

    @given(
        st.fixed_dictionaries(
            {"model": st.just("linear-2")},
            optional={name: json_values() for name in Scenario.__dataclass_fields__ if name != "model"},
        )
    )
    def test_every_value_of_a_field_is_a_scenario_or_a_sentence(self, data):
        made = scenario_or_sentence(data)
        assert Scenario.from_dict(made.to_dict()) == made if isinstance(made, Scenario) else made

    @pytest.mark.parametrize(("data", "sentence"), [
        ({}, "a scenario has a model and may have against, area, beside, camera, colour, dimensions"),
        ({"model": "net", "size": 3}, "a scenario has a model and may have"),
        ({"model": "net", "seed": True}, "seed must be a whole number; got True"),
        ({"model": "net", "seed": "7"}, "seed must be a whole number; got '7'"),
        ({"model": "net", "sigma": None}, "sigma must be a number; got None"),
        ({"model": "net", "interventions": 5}, "interventions must be a list; got 5"),
        ({"model": "net", "interventions": [{"mu": 0}]}, "neurons is missing; got {'mu': 0}"),
        ({"model": "net", "interventions": [{"neurons": []}]}, "must name at least one neuron; got none"),
        ({"model": "net", "interventions": [{"neurons": [1.5]}]}, "neuron must be a whole number; got 1.5"),
        ({"model": "net", "interventions": [{"neurons": [-1]}]}, "neurons must be >= 0; got -1"),
        ({"model": "net", "pair": "0-2"}, "pair must be two whole numbers, the lower one first; got '0-2'"),
        ({"model": "net", "pair": [0, 1, 2]}, "pair must be two whole numbers, the lower one first; got [0, 1, 2]"),
        ({"model": "net", "pair": [0, 1.5]}, "pair must be a whole number; got 1.5"),
        ({"model": "net", "area": "0,0"}, "area must be a list; got '0,0'"),
        ({"model": "net", "area": [0, 0, 1, 1, True, 0]}, "area must be a number; got True"),
        ({"model": "net", "without_noise": 1}, "without_noise must be true or false; got 1"),
        ({"model": "net", "against": {"seed": 1}}, "against.seed is not a field of it; got 1"),
        ({"model": "net", "against": [0]}, "against must map names to values; got [0]"),
        ({"model": "net", "pair": [-1, 1]}, "pair must be two outputs, the lower one first, as in 0-2; got -1-1"),
        ({"model": "net", "dimensions": 4}, "dimensions must be 2 or 3; got 4"),
        ({"model": "net", "dimensions": "3"}, "dimensions must be a whole number; got '3'"),
    ])  # fmt: skip
    def test_a_bad_store_says_what_is_wrong(self, data, sentence):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            Scenario.from_dict(data)


class TestKey:
    @few
    @given(
        scenarios(), st.sampled_from(sorted(limits.COLOURS)), st.integers(0, 2047), st.sampled_from(limits.DIMENSIONS)
    )
    def test_looks_do_not_change_the_key(self, scenario, colour, neuron, dimensions):
        other = replace(scenario, colour=colour, neuron=neuron, dimensions=dimensions, camera=None)
        assert other.simulated == scenario.simulated

    @few
    @given(scenarios(), scenarios())
    def test_what_only_the_page_shows_does_not_change_what_is_drawn(self, scenario, other):
        shown = {key: getattr(other, key) for key in ("large", "picked")}
        assert replace(scenario, **shown, area=None, span=None, camera=None).drawn == scenario.drawn

    @few
    @given(scenarios())
    def test_what_it_is_compared_with_differs_by_what_was_kept_and_in_nothing_else(self, scenario):
        reference = scenario.reference
        kept = scenario.against or Against(sigma=scenario.sigma)
        assert (reference.interventions, reference.sigma) == (kept.interventions, kept.sigma)
        same = {"interventions": scenario.interventions, "sigma": scenario.sigma}
        assert replace(reference, **same).simulated == scenario.simulated

    def test_the_order_of_interventions_does_not_change_the_key(self):
        items = (Intervention((3,)), Intervention((1, 2), 0.5, "input"), Intervention((3,), 2.0), Intervention((0,)))
        keys = {repr(Scenario("net", interventions=order).simulated) for order in permutations(items)}
        assert len(keys) == 1

    def test_everything_else_does(self):
        other = {"model": "other", "sigma": 0.5, "seed": 1, "steps": 501, "trajectories": 11, "pair": (0, 2)}
        for name, value in {**other, "interventions": (Intervention((3,)),)}.items():
            assert replace(Scenario("net"), **{name: value}).simulated != Scenario("net").simulated, name

    def test_interventions_that_differ_in_anything_have_keys_of_their_own(self):
        items = [
            Intervention((3,)), Intervention((4,)), Intervention((3, 4)), Intervention((3,), 0.5),
            Intervention((3,), 0.0, "recurrent"), Intervention((3,), 0.0, "input"),
        ]  # fmt: skip
        assert len({repr(Scenario("net", interventions=(item,)).simulated) for item in items}) == len(items)

    def test_intact_leaves_everything_but_the_interventions(self):
        scenario = Scenario("net", 0.5, 3, 100, 4, "speed", 2, (Intervention((1,)),))
        assert scenario.intact == Scenario("net", 0.5, 3, 100, 4, "speed", 2)

    def test_at_most_two_hundred_interventions(self):
        many = (Intervention((1,)),) * limits.MAX_INTERVENTIONS
        assert len(Scenario("net", interventions=many).interventions) == 200
        with pytest.raises(ValueError, match="at most 200 interventions are kept; got 201"):
            Scenario("net", interventions=(*many, Intervention((1,))))


class TestLongLinks:
    """What a link cannot hold is no scenario, so no address is made that the server could not read."""

    def test_as_many_interventions_as_may_be_have_a_link(self):
        each = Scenario("linear-2", interventions=tuple(Intervention((i,), 0.25, "recurrent") for i in range(200)))
        assert 4094 < len(each.to_query()) <= MAX_LINK
        assert Scenario.from_query(each.to_query(), "other") == each

    @pytest.mark.parametrize("against", [False, True])
    def test_more_neurons_than_a_link_holds_are_refused(self, against):
        many = (Intervention(tuple(range(2000)), 0.5),)
        fields = {"against": Against(many)} if against else {"interventions": many}
        with pytest.raises(
            ValueError, match=r"the link of a scenario may have 8,000 characters; this one has [89],\d+; act"
        ):
            Scenario("linear-2", **fields)

    def test_a_link_without_end_is_not_read(self):
        with pytest.raises(ValueError, match="a link may have 8,000 characters; got 200,009; copy it again"):
            Scenario.from_query(f"?ablate={'1,' * 100_000}1", "linear-2")
