-- Statistics of projects as the table of that name of older design 004, counted anew at each question (R134).
-- Executions without a project count to the project ''.
create or replace view compat_004.project_statistics as
with known as (
    select *, coalesce(project, '') as project_id from main.executions
),
workflows as (
    select project_id, arg_max(workflow_id, (n, workflow_id)) as workflow_id, max(n) as n
    from (select project_id, workflow_id, count(*) as n from known group by all)
    group by project_id
),
components as (
    select project_id, arg_max(step_name, (n, step_name)) as step_name, max(n) as n
    from (
        select k.project_id, a.step_name, count(*) as n
        from main.attempts a
        join known k using (execution_id)
        group by all
    )
    group by project_id
),
queues as (
    select project_id, arg_max(queue, (n, queue)) as queue, max(n) as n
    from (
        select k.project_id, p.attributes['taskQueue'] as queue, count(*) as n
        from compat.execution_parts p
        join known k using (execution_id)
        where p.attributes['taskQueue'] is not null
        group by all
    )
    group by project_id
),
totals as (
    select
        project_id,
        count(*) as total_executions,
        max(duration_ns) as longest_ns,
        arg_max(workflow_id, duration_ns) as longest_workflow_id,
        count_if(status in ('failed', 'timed_out'))::bigint as total_failures,
        max(coalesce(ended_at, last_seen_at)) filter (where status in ('failed', 'timed_out')) as last_failure_at,
        max(started_at) as last_execution_at,
        max(updated_at) as updated_at
    from known
    group by project_id
)
select
    t.project_id as id,                                       -- varchar: identity of the row, the project's
    t.project_id,                                             -- varchar: the project
    w.workflow_id as most_used_workflow_id,                   -- varchar: workflow with most executions
    w.n as most_used_workflow_count,                          -- bigint: its executions
    c.step_name as most_used_component_id,                    -- varchar: step with most attempts
    coalesce(c.n, 0) as most_used_component_count,            -- bigint: its attempts
    q.queue as most_used_task_queue_id,                       -- varchar: task queue with most executions; null: none told
    coalesce(q.n, 0) as most_used_task_queue_count,           -- bigint: its executions
    t.total_executions,                                       -- bigint: executions
    compat_ms(t.longest_ns) as longest_run_duration_ms,       -- bigint: longest duration
    t.longest_workflow_id as longest_run_workflow_id,         -- varchar: workflow of that execution
    t.total_failures,                                         -- bigint: executions that failed or timed out
    t.last_failure_at,     -- timestamp_ns: end of the newest of them
    t.last_execution_at, -- timestamp_ns: start of the newest execution
    t.updated_at                -- timestamp_ns: when any of them changed last
from totals t
join workflows w using (project_id)
left join components c using (project_id)
left join queues q using (project_id)
