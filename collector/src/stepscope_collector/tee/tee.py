"""The tee as the ingest and the service see it: one queue, and a forwarder per endpoint."""

import logging
from collections.abc import Sequence
from pathlib import Path

from stepscope_collector.config import TeeConfig
from stepscope_collector.errors import StoreUnavailable
from stepscope_collector.tee.cursor import forget_others
from stepscope_collector.tee.erase import Deleted
from stepscope_collector.tee.forwarder import Forwarder
from stepscope_collector.tee.journal import Journal, Record
from stepscope_collector.telemetry import Telemetry
from stepscope_collector.telemetry.values import Sample

__all__ = ["Tee"]

logger = logging.getLogger(__name__)


class Tee:
    """Takes requests from the writer thread and sends them on in threads of its own.

    Args:
        config: at least one endpoint.
        folder: of the queue.
        own_id: of this collector, so that requests that come back are known.
        telemetry: counts what became of them.
    """

    def __init__(self, config: TeeConfig, folder: Path, own_id: str, telemetry: Telemetry) -> None:
        self._journal = Journal(folder, config.max_queue_bytes)
        targets = config.targets()
        forget_others(folder, [target.name for target in targets])
        self._forwarders = [
            Forwarder(target, self._journal, folder, own_id, telemetry) for target in targets
        ]
        self._journal.release()
        self._signals = {signal for target in targets for signal in target.signals}
        self._is_failing = False

    def start(self) -> None:
        """Begin to send."""
        for forwarder in self._forwarders:
            forwarder.start()

    def stop(self, timeout_s: float) -> None:
        """End; what was not taken stays in the queue. The writer has stopped before."""
        for forwarder in self._forwarders:
            forwarder.stop(timeout_s)
        self._journal.close()

    # For the writer thread, in this order: append, then publish or discard

    def append(self, records: Sequence[Record]) -> None:
        """Put requests into the queue on disk; they are sent after `publish`.

        A queue that cannot be written is counted and logged, and is no reason to refuse anything.
        """
        wanted = [record for record in records if record.signal in self._signals]
        if not wanted:
            return
        try:
            self._journal.append(wanted)
        except OSError as error:
            for forwarder in self._forwarders:
                forwarder.count_lost(wanted)
            if not self._is_failing:
                logger.warning("queue of the tee cannot be written", extra={"error": str(error)})
            self._is_failing = True
        else:
            self._is_failing = False

    def publish(self) -> None:
        """What was appended is committed: send it."""
        self._journal.publish()

    def discard(self) -> None:
        """What was appended is not committed: forget it."""
        self._journal.discard()

    def begin_file(self) -> None:
        """Before `erase`, so that it may change all there is; StoreUnavailable."""
        try:
            self._journal.begin_file()
        except OSError as error:
            raise StoreUnavailable(f"the queue of the tee cannot be written: {error}") from error

    # From any thread

    def erase(self, deleted: Deleted) -> None:
        """Take what was deleted out of the queue; what is under way to an endpoint goes on.

        Raises:
            StoreUnavailable: a file cannot be written; it stays until it is sent.
        """
        try:
            self._journal.erase(deleted)
        except OSError as error:
            raise StoreUnavailable(f"the queue of the tee cannot be written: {error}") from error

    def received(self) -> set[int]:
        """When the requests came that stand in the queue's files, ns since the epoch."""
        return self._journal.received()

    # For people

    def status(self) -> list[dict[str, object]]:
        """What `stepscope doctor` tells, one row per endpoint."""
        return [forwarder.status() for forwarder in self._forwarders]

    def samples(self) -> dict[str, list[Sample]]:
        """The metrics that describe the queue."""
        found: dict[str, list[Sample]] = {
            "stepscope_tee_queue_limit_bytes": [Sample((), self._journal.max_bytes)]
        }
        names = (
            "otelcol_exporter_queue_size",
            "stepscope_tee_queue_bytes",
            "stepscope_tee_age_seconds",
        )
        for forwarder in self._forwarders:
            label = (f"otlp/{forwarder.target.name}",)
            for name, value in zip(names, forwarder.waiting(), strict=True):
                found.setdefault(name, []).append(Sample(label, value))
        return found
