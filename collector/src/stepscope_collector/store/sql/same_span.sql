-- Whether two rows with equal ids and start hold the same OTLP span, but for the attributes that
-- have a home: those are compared by same_home. a: of stored.spans; b: of a batch.
create or replace temp macro same_span(a, b) as
    end_of(a.start_time_unix_nano, a.duration_ns, a.odd_end_unix_nano) = b.end_time_unix_nano
    and a.name = b.name
    and a.kind = b.kind
    and a.parent_span_id = b.parent_span_id
    and a.status_code = b.status_code
    and a.status_message is not distinct from b.status_message
    and a.trace_state is not distinct from b.trace_state
    and a.flags = b.flags
    and a.home_bits = cast(b.home_bits as varchar)
    and a.attributes is not distinct from b.attributes
    and a.attribute_types is not distinct from b.attribute_types
    and a.events is not distinct from b.events
    and a.links is not distinct from b.links
    and a.resource_id = b.resource_id
    and a.scope_id = b.scope_id
