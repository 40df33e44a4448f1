-- Spans that started and have not ended, as live markers or unfinished spans tell. The final span
-- removes the row.
create table if not exists stored.open_spans (
    trace_id uuid not null,                 -- trace of the open span
    span_id ubigint not null,               -- the open span
    parent_span_id ubigint not null,        -- 0: root span
    name varchar not null,                  -- its name
    start_time_unix_nano ubigint not null,  -- when it started
    last_seen_unix_nano ubigint not null,   -- newest sign of life
    dialect varchar not null,               -- profile that mapped it
    role varchar,                           -- execution, step or operation
    execution_id varchar not null,          -- execution it belongs to
    step_id varchar,                        -- null: the span is its own step
    step_name varchar,                      -- name of the step
    step_type varchar,                      -- kind of step, open vocabulary
    step_index integer,                     -- position among the steps, from 0
    attempt integer,                        -- number of this try, from 1
    max_attempts integer,                   -- tries the retry policy allows, null: no policy
    silence_ns ubigint,                     -- how long it may be silent before it counts as lost, null: as long as the setting says
    ingested_at timestamp_ns not null       -- UTC, first commit
)
