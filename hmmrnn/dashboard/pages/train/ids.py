"""Ids of the components on the pages of trainings and sweeps. The page's scripts get them with the shared ones."""

# The form.
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
# What the form starts from.
TRAIN_SETUP = "train-setup"

# A training, and the list of all.
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


def job_words(training_id: str) -> str:
    """The words on a training in the list of all."""
    return f"job-{training_id}-words"


def job_bar(training_id: str) -> str:
    """The bar of a training in the list of all."""
    return f"job-{training_id}-bar"


# A sweep: its page, and the list of all; see assets/pages/sweeps.mjs.
SWEEP = "sweep"
SWEEP_LIST = "sweep-list"
SWEEP_TITLE = "sweep-title"
SWEEP_SETTINGS = "sweep-settings"
SWEEP_STATE = "sweep-state"
SWEEP_PROGRESS = "sweep-progress"
SWEEP_CSV = "sweep-csv"
SWEEP_COMPARE = "sweep-compare"
SWEEP_MEASURE = "sweep-measure"
SWEEP_AXIS = "sweep-axis"
SWEEP_FIGURE = "sweep-figure"
SWEEP_TABLE = "sweep-table"
SWEEP_SHOWN = "sweep-shown"

# Fields of the form and their components.
FORM = {
    "family": TRAIN_FAMILY,
    "states": TRAIN_STATES,
    "outputs": TRAIN_OUTPUTS,
    "neurons": TRAIN_NEURONS,
    "inputs": TRAIN_INPUTS,
    "recipe": TRAIN_RECIPE,
    "seed": TRAIN_SEED,
    "steps": TRAIN_STEPS,
}
