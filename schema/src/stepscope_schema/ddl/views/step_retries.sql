-- One row per workflow and step name: how often steps needed a retry, whether it helped, what it cost, and
-- whether the retry policy expected it. A step is flaky when it passed only after a failed try.
create or replace view step_retries as
with shown as not materialized (
    select
        coalesce(e.workflow_id, e.workflow_name, 'unknown') as workflow_id, a.execution_id, a.step_id,
        a.step_name, a.attempt, a.status, a.started_at, a.ended_at, a.duration_ns, a.is_expected_retry,
        a.span_id
    from attempts a
    left join stored.executions e on e.execution_id = a.execution_id
), counted as (
    select
        workflow_id, step_name,
        count_if(attempt = 1)::bigint as first_tries,
        count_if(attempt > 1)::bigint as retries
    from shown
    group by workflow_id, step_name
), retried as (
    -- one row per step that was tried again: few, so only its tries are put together
    select
        workflow_id,
        arg_max(step_name, (attempt, started_at, span_id)) as step_name,
        arg_max(status, (attempt, started_at, span_id)) as status,
        count_if(attempt = 1) as first_tries,
        count_if(status in ('failed', 'timed_out')) as failed_tries,
        epoch_ns(max(started_at)) - epoch_ns(min(started_at)) as delay_ns,
        coalesce(sum(duration_ns), 0)
            - coalesce(arg_max(coalesce(duration_ns, 0), (attempt, started_at, span_id)), 0) as failing_ns,
        count_if(is_expected_retry and status in ('failed', 'timed_out')) as expected,
        count_if(not is_expected_retry and status in ('failed', 'timed_out')) as unexpected,
        max(ended_at) as ended_at
    from shown s
    where exists (
        from attempts r
        where r.attempt > 1 and r.execution_id = s.execution_id and r.step_id = s.step_id
    )
    group by workflow_id, execution_id, step_id
), summed as (
    select
        workflow_id, step_name,
        count(*) as retried,
        sum(first_tries) as first_tries,
        count_if(status = 'success' and failed_tries > 0) as flaky,
        count_if(status in ('failed', 'timed_out')) as gave_up,
        sum(expected) as expected,
        sum(unexpected) as unexpected,
        sum(delay_ns) as delay_ns,
        sum(failing_ns) as failing_ns,
        max(ended_at) filter (status = 'success' and failed_tries > 0) as last_flaky_at
    from retried
    group by workflow_id, step_name
), joined as (
    select c.*, s.* exclude (workflow_id, step_name, first_tries),
        -- of a step that was tried again any try may be missing, and the first be told twice
        (c.first_tries - coalesce(s.first_tries, 0) + coalesce(s.retried, 0))::bigint as steps
    from counted c
    left join summed s on s.workflow_id = c.workflow_id and s.step_name = c.step_name
)
select
    workflow_id,                 -- varchar: identity of the workflow
    step_name,                   -- varchar: name of the step
    steps,                       -- bigint: steps, each once however often it was tried
    coalesce(retried, 0) as retried_steps, -- bigint: those that were tried more than once
    coalesce(flaky, 0)::bigint as flaky_steps, -- bigint: those of them that passed, after a failed try
    coalesce(gave_up, 0)::bigint as given_up_steps, -- bigint: those of them whose last try failed or timed out
    coalesce(flaky, 0) / nullif(steps, 0) as flaky_rate, -- double: share of the steps that are flaky, 0 to 1
    retries,                     -- bigint: tries beyond the first
    coalesce(expected, 0)::bigint as expected_retries, -- bigint: failed tries whose error the retry policy expected (R117)
    coalesce(unexpected, 0)::bigint as unexpected_retries, -- bigint: failed tries whose error it did not expect; none of both: no policy told
    coalesce(delay_ns, 0)::hugeint as delay_ns, -- hugeint: what retries cost: from the start of the first to the start of the last try, over all steps
    coalesce(failing_ns, 0)::hugeint as failing_ns, -- hugeint: part of it: durations of the tries before the last
    greatest(coalesce(delay_ns - failing_ns, 0), 0)::hugeint as waiting_ns, -- hugeint: the rest: between the tries
    last_flaky_at                -- timestamp_ns: when a flaky step passed last; null: none
from joined
