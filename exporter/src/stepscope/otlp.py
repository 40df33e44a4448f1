"""Our span exporter for any OpenTelemetry provider.

    provider.add_span_processor(BatchSpanProcessor(stepscope.otlp.SpanExporter()))

Turns ended spans of the SDK into OTLP bytes directly: the same requests as the stock exporter's at
a fraction of its processor time, and it reports what a receiver rejects (`partial_success`).
Needs the OpenTelemetry SDK; for gRPC also grpcio.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter as SdkSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from stepscope._configure import find_endpoint
from stepscope._pipeline import SpanEncoder
from stepscope._redact import Redactor
from stepscope._sdk import SdkEncoder
from stepscope._sender import Counters, Limits
from stepscope._settings import Protocol
from stepscope._transport import open_transport

__all__ = ["SpanExporter"]

_logger = logging.getLogger("stepscope")
_FIRST_WAIT_S = 0.5


class SpanExporter(SdkSpanExporter):
    """Exports spans over OTLP/gRPC or OTLP/HTTP.

    Arguments go before `OTEL_EXPORTER_OTLP_*` variables, those before defaults. Calls come from
    one span processor, one at a time. `counters` tells what became of the spans.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        protocol: Protocol | None = None,
        headers: Mapping[str, str] | None = None,
        compression: str | None = None,
    ) -> None:
        where = find_endpoint(endpoint, protocol, headers, compression)
        self._timeout_s = where.timeout_s
        self._where = Redactor().clean_text(where.url)
        self._transport = open_transport(where)
        self._encode = SpanEncoder({}, ("", ""), SdkEncoder())
        self._limits = Limits()
        self._stopped = threading.Event()
        self._has_warned = False
        self.counters: Counters = Counters()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send; retried within the timeout when the receiver asks for it."""
        queue = deque(spans)
        is_sent = True
        while queue:
            body, count = self._encode(queue.popleft, self._limits)
            is_sent &= self._deliver(body, count)
        return SpanExportResult.SUCCESS if is_sent else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Break off what is under way."""
        self._stopped.set()
        self._transport.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits here; the processor holds the queue."""
        return True

    def _deliver(self, body: bytes, count: int) -> bool:
        left, wait = self._timeout_s, _FIRST_WAIT_S
        while not self._stopped.is_set():
            answer = self._transport.send("traces", body, max(left, _FIRST_WAIT_S))
            self.counters.requests += 1
            if answer.kind == "accepted":
                self.counters.sent += count - min(answer.rejected, count)
                if answer.rejected:
                    self.counters.rejected += answer.rejected
                    self._warn(f"rejected {answer.rejected} of {count} spans: {answer.reason}")
                return True
            self.counters.last_error = answer.reason
            pause = answer.wait_s if answer.wait_s is not None else wait
            left -= pause
            if answer.kind == "refused" or left <= 0:
                break
            self.counters.retries += 1
            self._stopped.wait(pause)
            wait *= 2
        self.counters.refused += count
        self._warn(f"did not take {count} spans: {self.counters.last_error}")
        return False

    def _warn(self, text: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning("stepscope: the receiver at %s %s", self._where, text)
