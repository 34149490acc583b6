"""Ids of the components that several parts of the page share. The page's scripts get them as `configuration.ids`."""

# Views that others rely on; each is also the id of its graph or table.
STATE_SPACE = "state-space"
REGION_MAP = "region-map"
ORBIT = "orbit"
CONNECTIVITY = "connectivity"
NEURON_TABLE = "neuron-table"
NUMBERS = "numbers"
LIVE = "live"

# Header.
MODEL = "model"
OPEN_FILE = "open-file"
NETWORKS = "networks-open"
BADGE = "fidelity-badge"
UNDO = "undo"
REDO = "redo"
RESET = "reset"
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
LIVE_OPEN = "live-open"
LIVE_SIZE = "live-size"
LIVE_CLOSE = "live-close"
LIVE_SAVE = "live-save"

# Filled by the page's modules; see assets/page/.
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
REGION_COLOUR = "region-colour"
NO_INPUT = "no-input"
PATHS = "show-paths"
INTERVENTIONS = "interventions"
GROUP_BUTTONS = "group-buttons"
INPUTS = "inputs"

# What the page says of the open chapter.
CLAIM = "claim"

# JSON in the page: the configuration, the scenario that its link holds, the layout of what is open, the functions that
# Dash calls, and the answers to the first questions.
CONFIGURATION = "configuration"
FIRST = "first"
LAYOUT = "layout"
WIRES = "wires"
ANSWERS = "answers"
# Where the pages of trainings, of sweeps, of own data and of comparisons come when they are first opened.
TRAIN_PAGES = "train-pages"
SWEEP_PAGES = "sweep-pages"
DATA_PAGES = "data-pages"
COMPARE_PAGES = "compare-pages"
# Stores for Dash.
PAGE_LOAD = "page-load"
THEME = "theme"
SINK = "sink"


def caption(view: str) -> str:
    """Id of the line under a view's title that says what is shown, of how many."""
    return f"{view}-caption"


def card(view: str) -> str:
    """Id of the frame around a view; it carries the sign that a result is being computed."""
    return f"{view}-card"


def body(view: str) -> str:
    """Id of what is below the title of a view: empty until the view is first shown."""
    return f"{view}-body"


def frame(button: str) -> str:
    """Id of what is hidden together with a button."""
    return f"{button}-frame"


def task(view: str) -> str:
    """Id of the line that says how far a worker is with a view's task."""
    return f"{view}-task"


def progress(view: str) -> str:
    """Id of the bar in that line."""
    return f"{view}-progress"


def state(view: str) -> str:
    """Id of the words in that line."""
    return f"{view}-state"


def cancel(view: str) -> str:
    """Id of the button that cancels a view's task."""
    return f"{view}-cancel"


def compute(view: str) -> str:
    """Id of the button that requests a view's task."""
    return f"{view}-compute"
