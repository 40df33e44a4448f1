-- One row per distinct OTLP Resource with its schema_url. Spans refer to it by content hash, so
-- the same resource sent by a thousand requests stands here once.
create table if not exists stored.resources (
    resource_id ubigint not null,               -- hash of the row's content
    attributes map(varchar, varchar),           -- Resource.attributes as text
    attribute_types varchar,                    -- one type code per attribute, null: all strings
    dropped_attributes_count uinteger not null, -- Resource.dropped_attributes_count
    raw blob,                                   -- Resource as protobuf, only when the columns cannot hold it
    schema_url varchar not null,                -- ResourceSpans.schema_url
    service_name varchar                        -- attribute service.name
)
