"""The command `stepscope`: parses what was typed, asks the server or the file, prints the answer.

One module per command; `app.py` finds them by name, so that only the one that is run is imported.
"""

from stepscope_collector.cli.app import main

__all__ = ["main"]
