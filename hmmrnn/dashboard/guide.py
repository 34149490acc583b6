"""The texts of the guide: terms, keys, and a tour of the argument, as data; the page's script shows them.

The words hold for any network. What a network does itself is filled in by the page, from the search for kick neurons
and from its own table of numbers: no number is typed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from flask import Flask, Response, jsonify

from hmmrnn.analysis.kick_neurons import MAX_CONTROL_SHARE, MAX_LEAVE_RATE_RATIO
from hmmrnn.analysis.regions import KICK_ZONE_UP_TO, TRANSITION_BELOW
from hmmrnn.dashboard import ids

INTACT, WITHOUT_NOISE, KICK, CONTROL, INTEGRATING = "intact", "without_noise", "kick", "control", "integrating"
SCENES = (INTACT, WITHOUT_NOISE, KICK, CONTROL, INTEGRATING)

ALWAYS, SEARCHING, NONE, ONE_OUTPUT = "always", "searching", "none", "one_output"
PROVEN, PROVEN_EXIT, WEAK, FOUND, ALONE = "proven", "proven_exit", "weak", "found", "alone"
CASES = (ALWAYS, SEARCHING, NONE, ONE_OUTPUT, PROVEN, PROVEN_EXIT, WEAK, FOUND, ALONE)
FILLED = (
    *("badge", "rest", "search", "reason", "outputs", "group", "output", "size", "ratio", "done", "proven", "exits"),
    *("instead", "controls", "median", "percentile", "integrating", "kick"),
)


@dataclass(frozen=True)
class Term:
    """A word of the field, and what it means here."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Key:
    """A shortcut, as it is written on the keyboard, and what it does."""

    keys: str
    does: str


@dataclass(frozen=True)
class Step:
    """One stop of the tour.

    Attributes:
        key: short and stable.
        title: of its card.
        texts: what is said, by the case of the open network, one of `CASES`; {names} of `FILLED` are filled in.
        targets: selectors of what to look at; the first one matters most.
        scene: what is done to the network, one of `SCENES`.
        view: the view whose chapter is opened; "" for the bench.
        rows: of the numbers table, quoted by their keys; "time" stands for all outputs, "leave" for the group's.
        caption: id of a view whose caption is quoted; "" for none.
    """

    key: str
    title: str
    texts: Mapping[str, str]
    targets: tuple[str, ...]
    scene: str = INTACT
    view: str = ""
    rows: tuple[str, ...] = ()
    caption: str = ""


TERMS = (
    Term("Output", "symbol with the largest logit at a step; an emission is a symbol drawn from the probabilities."),
    Term("Exit", "leaving an output, for any other one or, written 0 → 1, for one of them."),
    Term("Leave rate", "probability per step of leaving an output; its inverse is the mean stay."),
    Term("Residency time", "mean number of steps until the output changes, over noise realisations from one state."),
    Term("Cluster", f"slow states: the output stays for more than {KICK_ZONE_UP_TO} steps, and one symbol is likely."),
    Term("Kick zone", f"states that are left soon: a residency time of {TRANSITION_BELOW} to {KICK_ZONE_UP_TO} steps."),
    Term("Transition", f"fast states on the way to another output: less than {TRANSITION_BELOW} steps."),
    Term("Orbit", "the closed way around the plane that noise keeps going; the phase is the angle along it."),
    Term("Kick neuron", "a neuron that crosses zero when an output is left, and without which it hardly is."),
    Term("Kick group", "the kick neurons of one exit."),
    Term("Integrating population", "neurons that excite one kick group and inhibit the others; they add up the noise."),
    Term(
        "Necessary",
        f"without the group the output is left at most {MAX_LEAVE_RATE_RATIO} times as often, and at most "
        f"{100 * MAX_CONTROL_SHARE:.0f} % of random groups of the same size go as low.",
    ),
    Term("mu", "the gain on what reaches a neuron: 0 silences, 1 changes nothing, 2 doubles."),
    Term(
        "All input, recurrent only, noise only",
        "what mu scales: everything that reaches the neuron, W_hh alone, or W_ih alone.",
    ),
    Term("sigma", "standard deviation of the noise in each input; 1 as in training, 0 for no noise."),
    Term("Intact", "the network as it was trained; the grey ghost is its run under the same noise."),
)

KEYS = (
    Key("?", "Open and close this help"),
    Key("Ctrl+Z", "Undo the last change"),
    Key("Ctrl+Shift+Z", "Redo"),
    Key("Space", "Play or pause"),
    Key("← →", "One step back or on; in present mode, the slide before or after: a view, then the next chapter"),
    Key("N", "Next switch"),
    Key("P", "Previous switch"),
    Key("S", "Select the states around the moment; again: some more"),
    Key("D", "Light or dark"),
    Key("F", "Present mode on or off"),
    Key("Esc", "Clear a selection; leave the tour or present mode"),
)

_SEARCHING = "The kick neurons of this network are still being sought{search}. This step goes on by itself."
_NONE = "{reason} So there is no group to look at here; the tour goes on."
_STATE_SPACE = f"#{ids.card(ids.STATE_SPACE)}"
_NUMBERS = ".numbers-card"

TOUR = (
    Step(
        "emulate",
        "What the network should do",
        {
            ALWAYS: "A Hidden Markov Model emits symbols and switches between hidden states. The network gets only "
            "noise, and was trained to emit the same sequences. The badge says: {badge}. The views compare the two."
        },
        (f"#{ids.card('fidelity')}", f"#{ids.BADGE}"),
        view="fidelity",
        rows=("transition-error",),
    ),
    Step(
        "clusters",
        "The activity dwells in slow clusters",
        {
            ALWAYS: "Each point is the activity of all neurons at one step, seen in a plane. Most points lie close "
            "together: there the network is slow, and keeps one output. The colour says which.",
            ONE_OUTPUT: "Each point is the activity of all neurons at one step, seen in a plane. In this window only "
            "output {outputs} occurs, so there is no switch to explain. Other noise or a longer window may show some.",
        },
        (_STATE_SPACE,),
        rows=("time",),
    ),
    Step(
        "rest",
        "Without noise nothing goes on",
        {
            ALWAYS: "The lines start at visited states and run without noise. {rest} The clusters are no places of "
            "rest: it takes noise to stay in motion."
        },
        (_STATE_SPACE,),
        scene=WITHOUT_NOISE,
    ),
    Step(
        "orbit",
        "Noise drives it around an orbit",
        {
            ALWAYS: "The angle around the middle of the plane is the phase. Each line is the probability of one symbol "
            "at that phase; below is how much time is spent there. Where the lines cross, the output switches.",
            ONE_OUTPUT: "The angle around the middle of the plane is the phase. Each line is the probability of one "
            "symbol at that phase. In this window only output {outputs} occurs, so the output does not switch.",
        },
        (f"#{ids.card(ids.ORBIT)}",),
        rows=("switches",),
    ),
    Step(
        "regions",
        "Cluster, kick zone, transition",
        {
            ALWAYS: "From each state the network runs under different noise until its output changes. More than "
            f"{KICK_ZONE_UP_TO} steps: a cluster. {TRANSITION_BELOW} to {KICK_ZONE_UP_TO}: a kick zone, where a "
            f"switch is near. Less than {TRANSITION_BELOW}: a fast transition."
        },
        (f"#{ids.card(ids.REGION_MAP)}",),
        caption=ids.REGION_MAP,
    ),
    Step(
        "cross",
        "A few neurons cross zero before a switch",
        {
            SEARCHING: _SEARCHING,
            NONE: _NONE,
            FOUND: "The lines are what reaches the {kick} kick neurons in run 1; the ground shows the output. "
            "Shortly before the ground changes, lines of a group rise through zero. No change to see? Press New noise.",
        },
        (f"#{ids.card('activity')}",),
        view="activity",
    ),
    Step(
        "silence",
        "Silence a kick group",
        {
            SEARCHING: _SEARCHING,
            NONE: _NONE,
            PROVEN: "The {size} {group} are now silent; grey is the intact network under the same "
            "noise. In the search, output {output} {done} {ratio} times as often as before. In this network "
            "{proven} of {exits} exits need their kick group, on held-out noise.",
            PROVEN_EXIT: "The {size} {group} are now silent. In the search, output {output} {done} "
            "{ratio} times as often as before; it has other exits, so its leave rate may fall only in part. "
            "In this network {proven} of {exits} exits need their kick group, on held-out noise.",
            WEAK: "No exit of this network is closed by silencing a few neurons: no small group was found for "
            "any of its {exits}. "
            "The strongest, the {group}, are silent all the same: in the search, output {output} {done} {ratio} "
            "times as often as before. {instead}",
        },
        (_STATE_SPACE, _NUMBERS),
        scene=KICK,
        rows=("switches", "leave"),
    ),
    Step(
        "control",
        "The control: as many random neurons",
        {
            SEARCHING: _SEARCHING,
            NONE: "{reason} So there is nothing to compare with. Here {size} neurons drawn at random are silent.",
            FOUND: "Instead, {size} neurons drawn at random from outside the kick groups are silent. One draw proves "
            "little: of {controls} random groups of this size in the search, the median was {median} times as often, "
            "and {percentile} % went as low as the kick group.",
            ALONE: "Instead, {size} neurons drawn at random from outside the kick groups are silent. One draw proves "
            "little, and the search has not compared this group with random ones.",
        },
        (_STATE_SPACE, _NUMBERS),
        scene=CONTROL,
        rows=("switches", "leave"),
    ),
    Step(
        "integrate",
        "Cut off the noise",
        {
            SEARCHING: _SEARCHING,
            NONE: "No population was found that integrates noise for a kick group, so nothing is cut off here. You can "
            "turn sigma on the left; in a network without biases that only scales the activity.",
            FOUND: "These {size} neurons excite the {group} and inhibit the others; now they get no noise of their "
            "own. In the paper this traps the state. What it does here, the numbers say.",
        },
        (_STATE_SPACE, _NUMBERS),
        scene=INTEGRATING,
        rows=("switches", "leave"),
    ),
    Step(
        "wiring",
        "Who feeds the kick neurons",
        {
            SEARCHING: _SEARCHING,
            NONE: "Each cell is the weight from the neuron of its column to that of its row. {reason} So the neurons "
            "have no roles here.",
            FOUND: "Each cell is the weight from the neuron of its column to that of its row. The {kick} kick neurons "
            "come first, then the {integrating} that integrate noise for them, then the rest. In the top rows, see "
            "which columns excite one group and inhibit the other.",
        },
        (f"#{ids.card(ids.CONNECTIVITY)}",),
    ),
    Step(
        "you",
        "Now you",
        {
            ALWAYS: "Silence a group here, or click a cell of the connectivity. Then move mu and watch the views "
            "and the numbers. Undo brings everything back, and the address bar always holds what you see."
        },
        (f".rail section:has(#{ids.GROUP_BUTTONS})",),
    ),
)


def register(server: Flask) -> None:
    """Register the address under which the page's script fetches the texts."""
    server.add_url_rule("/guide", "guide", texts)


def texts() -> Response:
    """Terms, keys and steps of the tour."""
    return jsonify(
        terms=[asdict(term) for term in TERMS], keys=[asdict(key) for key in KEYS], tour=[asdict(step) for step in TOUR]
    )
