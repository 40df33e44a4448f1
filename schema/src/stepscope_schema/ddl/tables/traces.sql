-- One row per trace and execution: the way from a trace to its executions and back, with the time
-- bounds that let a scan of stored.spans skip row groups.
create table if not exists stored.traces (
    trace_id uuid not null,                 -- the trace
    execution_id varchar not null,          -- an execution with spans in it
    has_explicit boolean not null,          -- some span of it named the execution itself
    has_implicit boolean not null,          -- some span of it was assigned by the trace
    has_folded boolean not null default false, -- its spans are folded together
    first_start_unix_nano ubigint not null, -- least start
    last_start_unix_nano ubigint not null   -- greatest start
)
