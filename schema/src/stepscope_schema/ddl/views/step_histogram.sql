-- One row per workflow, step name and bucket of durations of its ended tries. Buckets are those of
-- view workflow_histogram.
create or replace view step_histogram as
with counted as (
    select
        coalesce(e.workflow_id, e.workflow_name, 'unknown') as workflow_id,
        a.step_name,
        if(a.duration_ns = 0, -1, duration_bucket(a.duration_ns) // 5) as bucket,
        count(*) as count,
        min(a.duration_ns) as min_ns,
        max(a.duration_ns) as max_ns
    from attempts a
    left join stored.executions e on e.execution_id = a.execution_id
    where a.duration_ns is not null
    group by 1, a.step_name, bucket
)
select
    workflow_id,          -- varchar: identity of the workflow
    step_name,            -- varchar: name of the step
    bucket,               -- integer: number of the bucket, upwards with the duration; -1: 0 ns
    case when bucket < 0 then 0.0 else pow(1.01 / 0.99, 5 * bucket - 1) end as from_ns, -- double: durations in it are longer than this
    case when bucket < 0 then 0.0 else pow(1.01 / 0.99, 5 * bucket + 4) end as to_ns, -- double: and at most so long
    min_ns,               -- bigint: shortest duration in it
    max_ns,               -- bigint: longest duration in it
    count                 -- bigint: tries in it
from counted
