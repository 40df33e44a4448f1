-- One row per workflow and bucket of durations of its ended executions. Buckets are those of macro
-- duration_bucket, five in one: each ends 10 % above its beginning.
create or replace view workflow_histogram as
with counted as (
    select workflow_id, if(duration_ns = 0, -1, duration_bucket(duration_ns) // 5) as bucket, count(*) as count,
        min(duration_ns) as min_ns, max(duration_ns) as max_ns
    from executions
    where duration_ns is not null
    group by workflow_id, bucket
)
select
    workflow_id,          -- varchar: identity of the workflow
    bucket,               -- integer: number of the bucket, upwards with the duration; -1: 0 ns
    case when bucket < 0 then 0.0 else pow(1.01 / 0.99, 5 * bucket - 1) end as from_ns, -- double: durations in it are longer than this
    case when bucket < 0 then 0.0 else pow(1.01 / 0.99, 5 * bucket + 4) end as to_ns, -- double: and at most so long
    min_ns,               -- bigint: shortest duration in it
    max_ns,               -- bigint: longest duration in it
    count                 -- bigint: executions in it
from counted
