"""Run the command line with `python -m hmmrnn`."""

import sys

from hmmrnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
