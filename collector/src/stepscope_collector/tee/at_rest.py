"""The queue of a tee that nothing is sent from now: no server runs, or no endpoint is set up any more."""

from pathlib import Path

from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.tee.erase import Deleted, erase_from

__all__ = ["QueueAtRest"]


class QueueAtRest:
    """Files that wait, if there are any.

    Args:
        folder: of the queue.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin_file(self) -> None:
        """Nothing: none of them is written."""

    def erase(self, deleted: Deleted) -> None:
        """Take what was deleted out of them.

        Raises:
            StoreUnavailable: a file cannot be written; what it holds stays.
        """
        try:
            for path in sorted(self._folder.glob("*.requests")):
                partial = erase_from(path, deleted)
                if partial is not None:
                    partial.replace(path)
        except OSError as error:
            raise StoreUnavailable(f"the queue of the tee cannot be written: {error}") from error
