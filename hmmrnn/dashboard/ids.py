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
HISTORY = "history-open"
COMPARE = "compare-open"
SHARE = "share-open"
HELP = "help-open"
COLOUR_SCHEME = "colour-scheme"
PROVIDER = "provider"
NOTICE = "notice"
NOTICE_TEXT = "notice-text"
NOTICE_DISMISS = "notice-dismiss"

# The live view, which a script of its own fills; see assets/live.js.
LIVE = "live"
LIVE_OPEN = "live-open"
LIVE_SIZE = "live-size"
LIVE_CLOSE = "live-close"
LIVE_SAVE = "live-save"

# What the page's modules fill; see assets/page/.
TIMELINE = "timeline"
PICKED = "picked"

# The scenario's controls.
SIGMA = "sigma"
SEED = "seed"
NEW_NOISE = "new-noise"
STEPS = "steps"
TRAJECTORIES = "trajectories"
COLOUR = "colour"
NEURON = "neuron"
NEURON_ROW = "neuron-row"
PAIR = "pair"
DIMENSIONS = "dimensions"
GROUP_BUTTONS = "group-buttons"
SEARCH_WORDS = "search-words"
NO_INPUT = "no-input"
REGION_COLOUR = "region-colour"

# Other views.
NUMBERS = "numbers"
ACTIVITY = "activity"
SPECTRUM = "spectrum"
FIDELITY = "fidelity"
KICK_PROOF = "kick-proof"
REPORT = "report"
REPORT_LINKS = "report-links"
GAIN_SWEEP = "gain-sweep"
NOISE = "noise"
SENSITIVITY = "sensitivity"
EMERGENCE = "emergence"
READOUT = "readout"
ABOUT = "about"
ENLARGE = "enlarge"
TAB_LIST = "tab-list"

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

# Training: the form, a training's own page, and the list of all.
OPEN_FILE = "open-file"
TRAIN_FAMILY = "train-family"
TRAIN_STATES = "train-states"
TRAIN_OUTPUTS = "train-outputs"
TRAIN_NORMALISE = "train-normalise"
TRAIN_MATRICES = "train-matrices"
TRAIN_FACTS = "train-facts"
TRAIN_RECIPE = "train-recipe"
TRAIN_NEURONS = "train-neurons"
TRAIN_INPUTS = "train-inputs"
TRAIN_SEED = "train-seed"
TRAIN_STEPS = "train-steps"
TRAIN_DEPARTURES = "train-departures"
TRAIN_START = "train-start"
TRAIN_PROBLEM = "train-problem"
JOB = "job"
JOB_TITLE = "job-title"
JOB_STATE = "job-state"
JOB_PROGRESS = "job-progress"
JOB_CANCEL = "job-cancel"
JOB_RESUME = "job-resume"
JOB_EXPLORE = "job-explore"
JOB_LOSS = "job-loss"
JOB_NUMBERS = "job-numbers"
JOB_FIDELITY = "job-fidelity"
JOB_DEPARTURES = "job-departures"
JOB_LIST = "job-list"

# A sweep: its page, and the list of all; see assets/sweep.js.
SWEEP = "sweep"
SWEEP_LIST = "sweep-list"
SWEEP_TITLE = "sweep-title"
SWEEP_SETTINGS = "sweep-settings"
SWEEP_STATE = "sweep-state"
SWEEP_PROGRESS = "sweep-progress"
SWEEP_CSV = "sweep-csv"
SWEEP_MEASURE = "sweep-measure"
SWEEP_AXIS = "sweep-axis"
SWEEP_FIGURE = "sweep-figure"
SWEEP_TABLE = "sweep-table"
SWEEP_SHOWN = "sweep-shown"
SWEEP_ASKED = "sweep-asked"
SWEEP_ANSWERED = "sweep-answered"

# Stores of the training pages, see assets/training.js: what the form starts from; the form as it is, and what the
# server says to it; what is shown of a training, and what has changed of it; what is wanted, and what came of it.
TRAIN_SETUP = "train-setup"
TRAIN_FORM = "train-form"
TRAIN_CHECKED = "train-checked"
JOB_ASKED = "job-asked"
JOB_ANSWERED = "job-answered"
WISH = "wish"
GRANTED = "granted"

# Pattern types: one component for each intervention or group.
MU, TARGET, REMOVE, GROUP = "mu", "target", "remove", "group"


def caption(view: str) -> str:
    """Id of the line under a view's title that says what is shown, of how many."""
    return f"{view}-caption"


def card(view: str) -> str:
    """Id of the frame around a view; it carries the sign that an answer is being computed."""
    return f"{view}-card"


def frame(button: str) -> str:
    """Id of what is hidden together with a button."""
    return f"{button}-frame"


def tab(name: str) -> str:
    """Id of the button that opens a tab."""
    return f"{name}-tab"


def panel(name: str) -> str:
    """Id of what a tab opens."""
    return f"{name}-panel"


def asked(tab: str) -> str:
    """Id of the store that holds the scenario which the open tab is asked about."""
    return f"{tab}-asked"


def inquiry(view: str) -> str:
    """Id of the line that says how far a worker is with a view's answer."""
    return f"{view}-inquiry"


def progress(view: str) -> str:
    """Id of the bar in that line."""
    return f"{view}-progress"


def words(view: str) -> str:
    """Id of the words in that line."""
    return f"{view}-words"


def cancel(view: str) -> str:
    """Id of the button that no longer waits for a view's answer."""
    return f"{view}-cancel"


def compute(view: str) -> str:
    """Id of the button that asks for a view's answer after all."""
    return f"{view}-compute"


def answered(view: str) -> str:
    """Id of the store that holds the scenario that a slow view last answered."""
    return f"{view}-answered"


def part(kind: str, index: str | int) -> dict[str, str | int]:
    """Pattern id of one of several like components."""
    return {"type": kind, "index": index}
