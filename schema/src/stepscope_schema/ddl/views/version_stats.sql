-- One row per workflow and version: counts, exact duration quantiles, and what changed against the
-- version that started before it. Versions are in order of their first start.
create or replace view version_stats as
with grouped as (
    select
        workflow_id,
        workflow_version,
        count(*) as count,
        count_if(status = 'success')::bigint as success,
        count_if(status in ('failed', 'timed_out'))::bigint as failed,
        count_if(status in ('running', 'queued', 'waiting', 'retrying'))::bigint as running,
        count(ended_at) as ended,
        count_if(status = 'success' and ended_at is not null)::bigint as ended_success,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at
    from executions
    where workflow_version is not null
    group by workflow_id, workflow_version
), compared as (
    select
        *,
        ended_success / nullif(ended, 0) as success_rate,
        lag({
            'version': workflow_version, 'success_rate': ended_success / nullif(ended, 0),
            'quantiles_ns': quantiles_ns
        }) over (
            partition by workflow_id order by first_started_at, workflow_version
        ) as before
    from grouped
)
select
    workflow_id,                  -- varchar: identity of the workflow
    workflow_version,             -- varchar: version of its definition
    count,                        -- bigint: executions
    success,                      -- bigint: those that succeeded
    failed,                       -- bigint: those that failed or timed out
    running,                      -- bigint: those that are queued, run, wait or retry
    count - success - failed - running as other, -- bigint: all others
    success_rate,                 -- double: share of success among the ended, 0 to 1; null: none ended
    quantiles_ns[1] as p50_ns,    -- double: median duration
    quantiles_ns[2] as p95_ns,    -- double: 95th percentile of the durations
    quantiles_ns[3] as p99_ns,    -- double: 99th percentile of the durations
    first_started_at,             -- timestamp_ns: start of its first execution
    last_started_at,              -- timestamp_ns: start of its newest execution
    before.version as previous_version, -- varchar: the version that started before it; null: it is the first
    success_rate - before.success_rate as success_rate_change, -- double: difference to that version; -0.1: ten of a hundred more fail
    quantiles_ns[1] / nullif(before.quantiles_ns[1], 0) as p50_ratio, -- double: median against that version's; 2: takes twice as long
    quantiles_ns[2] / nullif(before.quantiles_ns[2], 0) as p95_ratio -- double: the same of the 95th percentile
from compared
