-- Every OTLP log record, losslessly.
create table if not exists stored.log_records (
    time_unix_nano ubigint not null,            -- LogRecord.time_unix_nano, 0: unknown
    observed_time_unix_nano ubigint not null,   -- LogRecord.observed_time_unix_nano
    severity_number integer not null,           -- LogRecord.severity_number
    severity_text varchar,                      -- LogRecord.severity_text, null: empty
    event_name varchar,                         -- LogRecord.event_name, null: empty
    body varchar,                               -- LogRecord.body as text, null: none
    body_type varchar,                          -- type code of the body, null: string or none
    attributes map(varchar, varchar),           -- LogRecord.attributes as text
    attribute_types varchar,                    -- one type code per attribute, null: all strings
    dropped_attributes_count uinteger not null, -- LogRecord.dropped_attributes_count
    flags uinteger not null,                    -- LogRecord.flags
    trace_id uuid,                              -- LogRecord.trace_id, null: none
    span_id ubigint,                            -- LogRecord.span_id, null: none
    raw blob,                                   -- LogRecord as protobuf, only when the columns cannot hold it
    resource_id ubigint not null,               -- stored.resources
    scope_id ubigint not null,                  -- stored.scopes
    execution_id varchar,                       -- attribute workflow.execution.id
    execution_key uinteger,                     -- see macro execution_key: comparing numbers is quick; null: it names none
    sequence bigint,                            -- attribute stepscope.log.sequence (R065)
    ingested_at timestamp_ns not null           -- UTC, when the collector committed it
)
