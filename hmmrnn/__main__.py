"""How does `python -m hmmrnn` begin? With the command line of `hmmrnn.cli`."""

import sys

from hmmrnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
