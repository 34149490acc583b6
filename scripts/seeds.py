"""Copy the networks of a sweep into models/more, each named by its family and seed (`make seeds`).

Networks that fail the fidelity gate are copied too: their files say so.
"""

import argparse
import shutil
import sys

from hmmrnn.server.services import Services
from hmmrnn.server.settings import Settings
from hmmrnn.shipped import FURTHER
from hmmrnn.tasks.sweeps import Row


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.seeds", description=__doc__)
    parser.add_argument("sweep", nargs="?", default="seeds", help="name of the sweep, in HMMRNN_DATA (%(default)s)")
    name = parser.parse_args(argv).sweep
    services = Services(Settings.from_environment())
    sweep = services.sweeps.find(name)
    if sweep is None:
        parser.error(f"there is no sweep {name!r} in the data folder; make seeds trains it")
    FURTHER.mkdir(exist_ok=True)
    for row in services.sweeps.table_now(sweep):
        if row.model:
            shutil.copy(services.data.networks / f"{row.model}.safetensors", FURTHER / f"{name_of(row)}.safetensors")
            sys.stderr.write(f"{name_of(row)}: {'passes' if row.passes else 'fails'} the gate\n")
    return 0


def name_of(row: Row) -> str:
    """The name of a network among the shipped ones."""
    config = row.training.config
    return f"{config.hmm.name}-seed-{config.seed}"


if __name__ == "__main__":
    sys.exit(main())
