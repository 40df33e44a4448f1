-- One row per project: what its workflows did, exact and of what is kept now (R132, R134).
create or replace view project_stats as
with grouped as (
    select
        project,
        count(*) as count,
        count_if(status = 'success')::bigint as success,
        count_if(status in ('failed', 'timed_out'))::bigint as failed,
        count_if(status in ('running', 'queued', 'waiting', 'retrying'))::bigint as running,
        count(ended_at) as ended,
        count_if(status = 'success' and ended_at is not null)::bigint as ended_success,
        count(distinct workflow_id) as workflow_count,
        sum(duration_ns) as total_ns,
        min(duration_ns) as min_ns,
        avg(duration_ns) as mean_ns,
        max(duration_ns) as max_ns,
        quantile_cont(duration_ns, [0.5, 0.95, 0.99]) as quantiles_ns,
        arg_max({'id': execution_id, 'workflow': workflow_name}, (duration_ns, execution_id))
            filter (duration_ns is not null) as longest,
        arg_max(
            {'at': ended_at, 'id': execution_id, 'type': error_type, 'message': error_message},
            (ended_at, execution_id)
        ) filter (status in ('failed', 'timed_out') and ended_at is not null) as last_failure,
        min(started_at) as first_started_at,
        max(started_at) as last_started_at
    from executions
    group by project
), used as (
    select project, arg_max({'name': workflow_name, 'count': count}, (count, workflow_id)) as most
    from (
        select project, workflow_id, max(workflow_name) as workflow_name, count(*) as count
        from executions
        group by project, workflow_id
    )
    group by project
)
select
    g.project,                             -- varchar: the project; null: executions of none
    g.count,                               -- bigint: executions
    g.success,                             -- bigint: those that succeeded
    g.failed,                              -- bigint: those that failed or timed out
    g.running,                             -- bigint: those that are queued, run, wait or retry
    g.count - g.success - g.failed - g.running as other, -- bigint: all others
    g.ended_success / nullif(g.ended, 0) as success_rate, -- double: share of success among the ended, 0 to 1; null: none ended
    g.workflow_count,                      -- bigint: workflows
    u.most.name as most_used_workflow,     -- varchar: name of the workflow with most executions; of several the last by id
    u.most.count as most_used_count,       -- bigint: executions of that one
    g.total_ns,                            -- hugeint: all durations together; null: none
    g.min_ns,                              -- bigint: shortest duration
    g.mean_ns,                             -- double: mean duration
    g.max_ns,                              -- bigint: longest duration
    g.quantiles_ns[1] as p50_ns,           -- double: median duration
    g.quantiles_ns[2] as p95_ns,           -- double: 95th percentile of the durations
    g.quantiles_ns[3] as p99_ns,           -- double: 99th percentile of the durations
    g.longest.id as longest_execution_id,  -- varchar: execution that took longest
    g.longest.workflow as longest_workflow, -- varchar: name of its workflow
    g.last_failure.at as last_failed_at,   -- timestamp_ns: end of the newest that failed or timed out; null: none
    g.last_failure.id as last_failed_execution_id, -- varchar: that one
    g.last_failure.type as last_error_type, -- varchar: class of its error
    g.last_failure.message as last_error_message, -- varchar: message of that error
    g.first_started_at,                    -- timestamp_ns: start of the first execution
    g.last_started_at                      -- timestamp_ns: start of the newest execution
from grouped g
join used u on u.project is not distinct from g.project
