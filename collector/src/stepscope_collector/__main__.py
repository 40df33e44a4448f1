"""`python -m stepscope_collector` is the command `stepscope`."""

import sys

from stepscope_collector.cli import main

if __name__ == "__main__":
    sys.exit(main())
