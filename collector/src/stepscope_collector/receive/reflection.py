"""gRPC server reflection: which services there are, and the files that describe them. Bytes in and out.

Only what a client of ours may call is described: the OTLP services, health and reflection itself. The
protocol's own messages are described in `reflection.textproto`; v1alpha has the same on the wire.
"""

from collections.abc import Iterable
from importlib import resources
from typing import Any, Final

from google.protobuf import descriptor_pool, message_factory, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from stepscope_collector.errors import PayloadUndecodable

__all__ = ["REFLECTION_METHODS", "Reflection"]

REFLECTION_METHODS: Final = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    for version in ("v1", "v1alpha")
)

_OTLP: Final = (trace_service_pb2, logs_service_pb2, metrics_service_pb2)
_NOT_FOUND: Final = 5
_UNIMPLEMENTED: Final = 12


class Reflection:
    """Answers questions about our services."""

    def __init__(self) -> None:
        text = resources.files(__package__).joinpath("reflection.textproto").read_text("utf-8")
        own = text_format.Parse(text, FileDescriptorSet())
        pool = descriptor_pool.DescriptorPool()
        for file in own.file:
            pool.Add(file)
        self._pools = (pool, descriptor_pool.Default())
        roots = [pool.FindFileByName(file.name) for file in own.file]
        roots += [module.DESCRIPTOR for module in _OTLP]
        self._files = {file.name: file for file in _with_imports(roots)}
        self._services = sorted(
            service.full_name for file in roots for service in file.services_by_name.values()
        )
        self._request, self._response = (
            message_factory.GetMessageClass(
                pool.FindMessageTypeByName(f"grpc.reflection.v1.ServerReflection{name}")
            )
            for name in ("Request", "Response")
        )

    def answer(self, request: bytes) -> bytes:
        """The response to one request of the stream.

        Raises:
            PayloadUndecodable: no such message.
        """
        try:
            asked: Any = self._request.FromString(request)
        except DecodeError as error:
            raise PayloadUndecodable("payload is not a ServerReflectionRequest") from error
        response: Any = self._response(valid_host=asked.host, original_request=asked)
        kind = asked.WhichOneof("message_request")
        if kind == "list_services":
            response.list_services_response.SetInParent()
            for name in self._services:
                response.list_services_response.service.add(name=name)
        elif kind in {"file_by_filename", "file_containing_symbol"}:
            self._describe(getattr(asked, kind), kind, response)
        else:
            response.error_response.error_code = _UNIMPLEMENTED
            response.error_response.error_message = "there are no extensions here"
        return bytes(response.SerializeToString())

    def _describe(self, name: str, kind: str, response: Any) -> None:
        file = self._files.get(name) if kind == "file_by_filename" else self._file_with(name)
        if file is None:
            response.error_response.error_code = _NOT_FOUND
            response.error_response.error_message = "there is no such file or symbol here"
            return
        described = response.file_descriptor_response.file_descriptor_proto
        described.extend(each.serialized_pb for each in _with_imports([file]))

    def _file_with(self, symbol: str) -> Any:
        for pool in self._pools:
            try:
                file = pool.FindFileContainingSymbol(symbol)
            except KeyError:
                continue
            if file.name in self._files:
                return file
        return None


def _with_imports(files: Iterable[Any]) -> list[Any]:
    """The files and all they import, each once, the ones asked for first."""
    found: dict[str, Any] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop(0)
        if file.name not in found:
            found[file.name] = file
            waiting += file.dependencies
    return list(found.values())
