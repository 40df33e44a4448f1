-- Per ${subject}, a row for each ${period} (UTC) of ${start}: counts by status and duration
-- quantiles of what ended. What retention has removed counts on: then the quantiles are ±1 %, and
-- `precision` says so; all else is exact.
create or replace view ${view} as
with shown as not materialized (
    select
        ${keys}, ${period}_of(started_at) as ${period}_at, status, ended_at, duration_ns,
        ${is_retry} as is_retry
    from ${rows}
), rolled as not materialized (
    select * exclude (hour_at), ${period}_of(hour_at) as ${period}_at
    from stored.rollups
    where ${rolled}
), parts as (
    select
        ${keys}, ${period}_at, status, count, ended, retries, timed, total_ns,
        min_ns, max_ns, buckets
    from rolled
    union all
    select
        ${keys}, ${period}_at, status, 1, (ended_at is not null)::bigint, is_retry::bigint,
        (duration_ns is not null)::bigint,
        coalesce(duration_ns, 0), duration_ns, duration_ns,
        case when duration_ns is not null then map {duration_bucket(duration_ns): 1} end
    from shown s
    where exists (
        from rolled r
        where ${same_keys}
            and r.${period}_at is not distinct from s.${period}_at
    )
), cells as (
    select ${keys}, ${period}_at,
        unnest(map_keys(buckets)) as bucket, unnest(map_values(buckets)) as n
    from parts
), ranked as (
    select
        ${keys}, ${period}_at, bucket,
        sum(sum(n)) over (
            partition by ${keys}, ${period}_at order by bucket rows unbounded preceding
        )::bigint as upto,
        sum(sum(n)) over (partition by ${keys}, ${period}_at)::bigint as total
    from cells
    group by ${keys}, ${period}_at, bucket
), joined as (
    -- put together by grouping, not by a join: so a filter on the keys reaches both
    select * exclude (buckets), null::double[] as quantiles_ns
    from parts
    union all by name
    select
        ${keys}, ${period}_at,
        [bucket_quantile(bucket, upto, total, 0.5), bucket_quantile(bucket, upto, total, 0.95),
            bucket_quantile(bucket, upto, total, 0.99)] as quantiles_ns
    from ranked
    group by ${keys}, ${period}_at
), merged as (
    select
        ${keys}, ${period}_at,
        sum(count)::bigint as count,
        sum(if(status = 'success', count, 0))::bigint as success,
        sum(if(status in ('failed', 'timed_out'), count, 0))::bigint as failed,
        sum(if(status in ('running', 'queued', 'waiting', 'retrying'), count, 0))::bigint as running,
        sum(ended)::bigint as ended,
        sum(if(status = 'success', ended, 0))::bigint as ended_success,
        sum(if(status in ('failed', 'timed_out'), ended, 0))::bigint as ended_failed,
        sum(retries)::bigint as retries,
        if(sum(timed) > 0, sum(total_ns)::hugeint, null) as total_ns,
        sum(total_ns) / nullif(sum(timed), 0) as mean_ns,
        min(min_ns) as min_ns, max(max_ns) as max_ns, any_value(quantiles_ns) as quantiles_ns
    from joined
    group by ${keys}, ${period}_at
), counted as (
    select
        ${keys}, ${period}_at,
        count(*) as count,
        count_if(status = 'success')::bigint as success,
        count_if(status in ('failed', 'timed_out'))::bigint as failed,
        count_if(status in ('running', 'queued', 'waiting', 'retrying'))::bigint as running,
        count(ended_at) as ended,
        count_if(status = 'success' and ended_at is not null)::bigint as ended_success,
        count_if(status in ('failed', 'timed_out') and ended_at is not null)::bigint as ended_failed,
        count_if(is_retry)::bigint as retries,
        sum(duration_ns) as total_ns, avg(duration_ns) as mean_ns,
        min(duration_ns) as min_ns, max(duration_ns) as max_ns,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns
    from shown
    group by ${keys}, ${period}_at
), complete as (
    select *, 'exact' as precision
    from counted s
    where not exists (
        from rolled r
        where ${same_keys}
            and r.${period}_at is not distinct from s.${period}_at
    )
    union all by name
    select *, '±1 %' as precision from merged
)
select
    ${key_columns}
    ${period}_at, -- timestamp_ns: the ${period}; null: started at an unknown time
    count, -- bigint: ${counted} that started then
    success, -- bigint: those that succeeded
    failed, -- bigint: those that failed or timed out
    running, -- bigint: those that are queued, run, wait or retry
    count - success - failed - running as other, -- bigint: all others: cancelled, lost, skipped, partial, superseded, unknown
    ${retries_column}
    ended_success / nullif(ended, 0) as success_rate, -- double: share of success among the ended, 0 to 1; null: none ended
    ended_failed / nullif(ended, 0) as failure_rate, -- double: share that failed or timed out among the ended, 0 to 1; null: none ended
    total_ns, -- hugeint: all durations together; null: none
    min_ns, -- bigint: shortest duration
    mean_ns, -- double: mean duration
    max_ns, -- bigint: longest duration
    quantiles_ns[1] as p50_ns, -- double: median duration
    quantiles_ns[2] as p95_ns, -- double: 95th percentile of the durations
    quantiles_ns[3] as p99_ns, -- double: 99th percentile of the durations
    precision -- varchar: of the quantiles: exact, or ±1 % where some were removed
from complete
