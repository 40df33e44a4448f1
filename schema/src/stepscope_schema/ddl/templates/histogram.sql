-- Per ${subject}, a row for each bucket of durations of its ended ${counted}. Buckets are those of macro
-- duration_bucket, five in one: each ends 10 % above its beginning.
create or replace view ${view} as
with counted as (
    select ${keys}, if(duration_ns = 0, -1, duration_bucket(duration_ns) // 5) as bucket, count(*) as count,
        min(duration_ns) as min_ns, max(duration_ns) as max_ns
    from ${rows}
    where duration_ns is not null
    group by ${keys}, bucket
)
select
    ${key_columns}
    bucket,               -- integer: number of the bucket, upwards with the duration; -1: 0 ns
    case when bucket < 0 then 0.0 else pow(1.01 / 0.99, 5 * bucket - 1) end as from_ns, -- double: durations in it are longer than this
    case when bucket < 0 then 0.0 else pow(1.01 / 0.99, 5 * bucket + 4) end as to_ns, -- double: and at most so long
    min_ns,               -- bigint: shortest duration in it
    max_ns,               -- bigint: longest duration in it
    count                 -- bigint: ${counted} in it
from counted
