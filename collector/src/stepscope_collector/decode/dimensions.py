"""Resources and scopes: what many spans share, once per distinct content."""

from hashlib import blake2b

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from stepscope_collector.decode.anyvalue import key_values, to_text
from stepscope_collector.decode.batch import Batch, Dimension

__all__ = [
    "add_resource",
    "add_scope",
    "content_id",
    "encode_attributes",
    "resource_of",
    "scope_of",
]


def add_resource(batch: Batch, resource: Resource, schema_url: str) -> int:
    """Id of the resource, which is among the batch's from now on."""
    resource_id = content_id(resource, schema_url)
    if resource_id not in batch.resources:
        batch.resources[resource_id] = resource_of(resource, schema_url, resource_id)
    return resource_id


def add_scope(batch: Batch, scope: InstrumentationScope, schema_url: str) -> int:
    """Id of the scope, which is among the batch's from now on."""
    scope_id = content_id(scope, schema_url)
    if scope_id not in batch.scopes:
        batch.scopes[scope_id] = scope_of(scope, schema_url, scope_id)
    return scope_id


def content_id(message: Resource | InstrumentationScope, schema_url: str) -> int:
    """64 bits that stand for a resource or scope with its schema_url; never 0.

    A resource and a scope of the same bytes differ: both are often empty.
    """
    person = b"scope" if isinstance(message, InstrumentationScope) else b"resource"
    digest = blake2b(message.SerializeToString(), digest_size=8, person=person)
    digest.update(b"\0" + schema_url.encode())
    return int.from_bytes(digest.digest()) or 1


def encode_attributes(attributes) -> tuple[dict[str, str | None], str | None, bool]:  # type: ignore[no-untyped-def]
    """Attributes as map, type codes (None: all strings) and whether the map holds all of them.

    Of equal keys the last wins (OTLP checklist C19).
    """
    texts: dict[str, str | None] = {}
    codes = ""
    for attribute in attributes:
        value = attribute.value
        text: str | None = value.string_value
        if text:
            code = "s"
        else:
            text, code = to_text(value)
        texts[attribute.key] = text
        codes += code
    is_exact = len(texts) == len(codes)
    if not is_exact:
        keys = (attribute.key for attribute in attributes)
        codes = "".join(dict(zip(keys, codes, strict=True)).values())
    return texts, codes if codes.strip("s") else None, is_exact


def resource_of(resource: Resource, schema_url: str, resource_id: int) -> Dimension:
    """The row of stored.resources for a resource."""
    texts, codes, _ = encode_attributes(resource.attributes)
    plain = Resource(
        attributes=key_values(texts, codes),
        dropped_attributes_count=resource.dropped_attributes_count,
    )
    return Dimension(
        id=resource_id,
        name=texts.get("service.name"),
        version="",
        attributes=texts,
        attribute_types=codes,
        dropped_attributes_count=resource.dropped_attributes_count,
        raw=_whole_unless(resource, plain),
        schema_url=schema_url,
    )


def scope_of(scope: InstrumentationScope, schema_url: str, scope_id: int) -> Dimension:
    """The row of stored.scopes for a scope."""
    texts, codes, _ = encode_attributes(scope.attributes)
    plain = InstrumentationScope(
        name=scope.name,
        version=scope.version,
        attributes=key_values(texts, codes),
        dropped_attributes_count=scope.dropped_attributes_count,
    )
    return Dimension(
        id=scope_id,
        name=scope.name,
        version=scope.version,
        attributes=texts,
        attribute_types=codes,
        dropped_attributes_count=scope.dropped_attributes_count,
        raw=_whole_unless(scope, plain),
        schema_url=schema_url,
    )


def _whole_unless(
    message: Resource | InstrumentationScope, plain: Resource | InstrumentationScope
) -> bytes | None:
    """The message, unless its columns give back its very bytes.

    Its id is made of them: an import of what an export wrote has to find the same one.
    """
    whole = message.SerializeToString()
    return None if plain.SerializeToString() == whole else whole
