-- What executions and tries counted that retention has removed, per hour: counts exact, durations in
-- buckets of ±1 %. Written in the transaction that removes them; what is still there is not in it.
create table if not exists stored.rollups (
    hour_at timestamp_ns,            -- hour of the start, UTC; null: the start is unknown
    workflow_id varchar not null,    -- identity of the workflow as view executions has it
    project varchar,                 -- project of the workflow
    step_name varchar,               -- name of the step; null: the executions themselves
    status varchar not null,         -- canonical status when they were removed
    count ubigint not null,          -- executions, or tries of the step
    ended ubigint not null,          -- those of them that had ended
    retries ubigint not null,        -- tries beyond the first
    timed ubigint not null,          -- those of them with a duration
    total_ns hugeint not null,       -- all durations together
    min_ns bigint,                   -- shortest duration, null: none has one
    max_ns bigint,                   -- longest duration, null: none has one
    buckets map(integer, ubigint)    -- durations per bucket, see macro duration_bucket; null: none
)
