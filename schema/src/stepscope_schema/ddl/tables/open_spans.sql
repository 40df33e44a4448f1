-- Spans that started and have not ended, as live markers or unfinished spans tell. The final span
-- removes the row.
create table if not exists stored.open_spans (
    trace_id uuid not null,
    span_id ubigint not null,
    parent_span_id ubigint not null,        -- 0: root span
    name varchar not null,
    start_time_unix_nano ubigint not null,
    last_seen_unix_nano ubigint not null,   -- newest sign of life
    dialect varchar not null,
    role varchar,
    execution_id varchar not null,
    step_id varchar,
    step_name varchar,
    step_type varchar,
    step_index integer,
    attempt integer,
    max_attempts integer,
    ingested_at timestamp_ns not null
)
