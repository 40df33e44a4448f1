-- Tries of steps that took $least_ns or longer, at most $limit, the longest first, as view attempts has
-- them. Only the rows found by their times are read whole. What is null is not asked for: $step: its
-- name; $since: from this time on, ns; $until: before this time, ns.
-- Columns: those of SlowestStep, times in ns since the epoch (UTC).
with found as materialized (
    select s.rowid as row_id
    from stored.spans s
    where s.role = 'step' and not s.is_folded and s.live_phase is null and has_ended(s.odd_end_unix_nano)
        and s.duration_ns >= cast($least_ns as bigint)
        and true /* chosen */
        and ($step is null or s.step_name = $step::varchar)
        and ($since is null or time_of(s.start_time_unix_nano) >= make_timestamp_ns($since::bigint))
        and ($until is null or time_of(s.start_time_unix_nano) < make_timestamp_ns($until::bigint))
    order by s.duration_ns desc, span_hex(s.span_id)
    limit $limit
), longest as materialized (
    select
        execution_id, coalesce(step_id, span_hex(span_id)) as step_id,
        step_name, coalesce(attempt, 1) as attempt, status, time_of(start_time_unix_nano) as started_at,
        duration_ns, error_type,
        span_hex(span_id) as span_id
    from stored.spans
    where rowid in (select row_id from found)
    union all
    select
        t.execution_id, t.step_id, coalesce(t.step_name, t.step_id), t.attempt, t.status,
        time_of(t.started_unix_nano), duration_of(t.started_unix_nano, t.ended_unix_nano),
        t.error_type, span_hex(t.span_id)
    from stored.attempts t
    where duration_of(t.started_unix_nano, t.ended_unix_nano) >= cast($least_ns as bigint)
        and true /* chosen */
        and ($step is null or coalesce(t.step_name, t.step_id) = $step::varchar)
        and ($since is null or time_of(t.started_unix_nano) >= make_timestamp_ns($since::bigint))
        and ($until is null or time_of(t.started_unix_nano) < make_timestamp_ns($until::bigint))
), ran as (
    select execution_id, coalesce(workflow_id, workflow_name, 'unknown') as workflow_id
    from stored.executions
    where execution_key in (select execution_key(execution_id) from longest)
)
select
    coalesce(e.workflow_id, 'unknown') as workflow_id,
    l.execution_id,
    l.step_id,
    l.step_name,
    l.attempt,
    l.status,
    epoch_ns(l.started_at) as started_at,
    l.duration_ns,
    l.error_type,
    l.span_id
from longest l
left join ran e on e.execution_id = l.execution_id
order by l.duration_ns desc, l.span_id
limit $limit
