-- Inputs, outputs, params, trigger data and large attribute values, apart from the spans: they are
-- kept for a shorter time and would ruin scans.
create table if not exists stored.payloads (
    execution_id varchar not null,         -- execution of the span
    trace_id uuid not null,                -- trace of the span
    span_id ubigint not null,              -- span the value came with
    start_time_unix_nano ubigint not null, -- of the span: a span id may be used again
    kind varchar not null,                 -- input, output, params, trigger or attribute
    key varchar not null,                  -- attribute key
    media_type varchar not null,           -- application/json or text/plain
    body varchar not null,                 -- the value; a cut one ends where the sender cut it
    size_bytes ubigint not null,           -- of the whole value, before the sender cut it
    sha256 varchar,                        -- hex, of the whole value; only when it was cut
    is_truncated boolean not null,         -- the sender cut the value
    live_phase varchar,                    -- the span is a live marker: started or heartbeat, else null
    open_span_id ubigint,                  -- the open span that a live marker speaks of
    ingested_at timestamp_ns not null      -- UTC, when the collector committed it
)
