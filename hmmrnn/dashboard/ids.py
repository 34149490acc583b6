"""Every component id of the page, typed once."""

# Views and the table: names that others rely on.
STATE_SPACE = "state-space"
REGION_MAP = "region-map"
ORBIT = "orbit"
CONNECTIVITY = "connectivity"
NEURON_TABLE = "neuron-table"
INTERVENTIONS = "interventions"
UNDO = "undo"
REDO = "redo"
RESET = "reset"

# Header.
MODEL = "model"
BADGE = "fidelity-badge"
LINK = "copy-link"
COLOUR_SCHEME = "colour-scheme"
PROVIDER = "provider"
NOTICE = "notice"
NOTICE_TEXT = "notice-text"
NOTICE_DISMISS = "notice-dismiss"

# The scenario's controls.
SIGMA = "sigma"
SEED = "seed"
NEW_NOISE = "new-noise"
STEPS = "steps"
TRAJECTORIES = "trajectories"
COLOUR = "colour"
NEURON = "neuron"
NEURON_ROW = "neuron-row"
GROUP_BUTTONS = "group-buttons"
NO_INPUT = "no-input"
REGION_COLOUR = "region-colour"

# Other views.
NUMBERS = "numbers"
ACTIVITY = "activity"
SPECTRUM = "spectrum"
FIDELITY = "fidelity"
ABOUT = "about"

# Stores. The page's script writes SCENARIO, SETTLED, OPEN_MODEL, SEARCH_MODEL,
# INTERVENTION_LIST and KICK; see assets/scenario.js.
PAGE_LOAD = "page-load"
LINK_IN = "link-in"
OPENED = "opened"
SCENARIO = "scenario"
SETTLED = "settled"
INTERVENTION_LIST = "intervention-list"
KICK_ANSWER = "kick-answer"
KICK = "kick"
OPEN_MODEL = "open-model"
SEARCH_MODEL = "search-model"
THEME = "theme"
FAST_BUSY = "fast-busy"
SINK = "sink"

# Pattern types: one component for each intervention or group.
MU, TARGET, REMOVE, GROUP = "mu", "target", "remove", "group"


def caption(view: str) -> str:
    """Id of the line under a view's title that says what is shown, of how many."""
    return f"{view}-caption"


def card(view: str) -> str:
    """Id of the frame around a view; it carries the sign that an answer is being computed."""
    return f"{view}-card"


def tab(name: str) -> str:
    """Id of the button that opens a tab."""
    return f"{name}-tab"


def panel(name: str) -> str:
    """Id of what a tab opens."""
    return f"{name}-panel"


def asked(tab: str) -> str:
    """Id of the store that holds the scenario which the open tab is asked about."""
    return f"{tab}-asked"


def answered(view: str) -> str:
    """Id of the store that holds the scenario that a slow view last answered."""
    return f"{view}-answered"


def part(kind: str, index: str | int) -> dict[str, str | int]:
    """Pattern id of one of several like components."""
    return {"type": kind, "index": index}
