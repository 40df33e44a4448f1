"""From ended spans to export requests: what the sender's thread runs to make one request."""

from collections.abc import Callable, Mapping
from typing import Any

from stepscope import _encode
from stepscope._frames import guarded
from stepscope._sender import Limits
from stepscope._spans import LightSpan

__all__ = ["SpanEncoder"]


class SpanEncoder:
    """Requests from light spans and, through `encode_other`, from spans of the SDK.

    `encode_other(span)` returns (resource field, scope field, schema URL field, span body).
    """

    def __init__(
        self,
        resource: Mapping[str, Any],
        scope: tuple[str, str],
        encode_other: Callable[[Any], tuple[bytes, bytes, bytes, bytes]] | None = None,
    ) -> None:
        self._resource = _encode.resource(resource)
        self._scope = _encode.scope(*scope)
        self._encode_other = encode_other

    def __call__(self, take: Callable[[], Any], limits: Limits) -> tuple[bytes, int]:
        """One request; spans are taken until the queue or the request's limits end."""
        own: list[bytes] = []
        others: dict[tuple[bytes, bytes, bytes], list[bytes]] = {}
        size = count = 0
        while count < limits.batch_items and size < limits.batch_bytes:
            try:
                span = take()
            except IndexError:
                break
            try:
                if type(span) is LightSpan:
                    body = _encode.light_span(span)
                    own.append(body)
                elif self._encode_other is not None:
                    resource, scope, schema_url, body = self._encode_other(span)
                    others.setdefault((resource, scope, schema_url), []).append(body)
                else:
                    continue
            except Exception as error:  # noqa: BLE001 - one odd span must not cost the others
                guarded(error)
                continue
            size += len(body) + 4
            count += 1
        parts = []
        if own:
            parts.append(_encode.request(self._resource, [(self._scope, own, b"")]))
        for (resource, scope, schema_url), bodies in others.items():
            parts.append(_encode.request(resource, [(scope, bodies, schema_url)]))
        return b"".join(parts), count
