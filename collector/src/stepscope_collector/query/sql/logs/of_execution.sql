-- View execution_logs for one execution, in order of sequence.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql;
-- $after: only records with a greater sequence; $until: with no greater one; $since_ns: only what came to
-- view after this commit (logs/newest_commit.sql), records that were committed and those of spans that
-- were, null: all; $is_tail: cut the oldest instead of the newest; $limit: rows at most.
-- Columns: those of view execution_logs, times in nanoseconds since the epoch (UTC).
with own as materialized (
    select
        trace_id,
        span_id,
        min(case when role = 'step' then coalesce(step_id, span_hex(span_id)) end) as step_id,
        min(case when role = 'step' then coalesce(step_name, name) end) as step_name,
        min(ingested_at) as known_at
    from stored.spans
    where execution_id = $execution_id
        and start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
        and live_phase is null
    group by trace_id, span_id
), assigned as (
    select l.*, s.step_id, s.step_name, l.ingested_at as seen_at
    from stored.log_records l
    left join own s using (trace_id, span_id)
    where l.execution_key = execution_key($execution_id) and l.execution_id = $execution_id
    union all
    select l.*, s.step_id, s.step_name, greatest(l.ingested_at, s.known_at)
    from stored.log_records l
    join own s on s.trace_id = l.trace_id and s.span_id = l.span_id
    where l.execution_id is null
), numbered as (
    select
        *,
        coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano) as logged_unix_nano,
        coalesce(sequence, row_number() over (
            order by coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano), ingested_at
        ) - 1) as place
    from assigned
), counted as (
    -- No limit clause: DuckDB 2.0.0 drops it over a left join with an empty materialized CTE.
    select
        *,
        row_number() over (order by place, logged_unix_nano) as from_start,
        row_number() over (order by place desc, logged_unix_nano desc) as from_end
    from numbered
    where place > $after and place <= $until
        and ($since_ns is null or seen_at > make_timestamp_ns(cast($since_ns as bigint)))
)
select
    $execution_id as execution_id,
    place as sequence,
    epoch_ns(time_of(logged_unix_nano)) as logged_at,
    severity_number,
    severity_text,
    event_name,
    body,
    attributes,
    step_id,
    step_name,
    trace_hex(trace_id) as trace_id,
    span_hex(span_id) as span_id,
    epoch_ns(ingested_at) as ingested_at
from counted
where case when $is_tail then from_end else from_start end <= $limit
order by place, logged_unix_nano, counted.span_id
