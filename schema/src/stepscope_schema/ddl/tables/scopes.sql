-- One row per distinct OTLP InstrumentationScope with its schema_url, by content hash.
create table if not exists stored.scopes (
    scope_id ubigint not null,                  -- hash of the row's content
    name varchar not null,                      -- InstrumentationScope.name
    version varchar not null,                   -- InstrumentationScope.version
    attributes map(varchar, varchar),           -- InstrumentationScope.attributes as text
    attribute_types varchar,                    -- one type code per attribute, null: all strings
    dropped_attributes_count uinteger not null, -- InstrumentationScope.dropped_attributes_count
    raw blob,                                   -- scope as protobuf, only when the columns cannot hold it
    schema_url varchar not null                 -- ScopeSpans.schema_url
)
