-- Payloads of one execution with the step each belongs to, a part of each body at a time, in order of
-- the spans' start. As executions/payloads.sql, live markers only of what has not ended.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql; $kinds: list of
-- kinds, empty: all; $step_id: only of this step, '': of all and of the execution itself; $offset: characters
-- to pass over; $max_chars: characters of each body at most; $limit: rows at most.
-- Columns: see PayloadPart in query/payloads.py.
with steps as (
    select trace_id, span_id, any_value(coalesce(step_id, span_hex(span_id))) as step_id,
        any_value(coalesce(step_name, name)) as step_name, any_value(coalesce(attempt, 1)) as attempt
    from stored.spans
    where execution_id = $execution_id
        and start_time_unix_nano >= cast($first_unix_nano as ubigint)
        and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
        and role = 'step' and live_phase is null
    group by trace_id, span_id
    union all
    select trace_id, span_id, coalesce(step_id, span_hex(span_id)), coalesce(step_name, name),
        coalesce(attempt, 1)
    from stored.open_spans
    where execution_id = $execution_id and role = 'step'
)
select
    s.step_id,
    s.step_name,
    s.attempt,
    trace_hex(p.trace_id) as trace_id,
    span_hex(coalesce(p.open_span_id, p.span_id)) as span_id,
    p.kind,
    p.key,
    p.media_type,
    substr(p.body, $offset + 1, $max_chars) as body,
    length(p.body) as body_chars,
    length(p.body) > $offset + $max_chars as has_more,
    p.size_bytes,
    p.sha256,
    p.is_truncated,
    epoch_ns(p.ingested_at) as ingested_at
from stored.payloads p
left join steps s
    on s.trace_id = p.trace_id and s.span_id = coalesce(p.open_span_id, p.span_id)
where p.execution_id = $execution_id
    and p.start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and p.start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and (len($kinds) = 0 or list_contains($kinds, p.kind))
    and ($step_id = '' or s.step_id = $step_id)
    and (p.live_phase is null
        or (p.live_phase = 'started' and exists (
            from stored.open_spans o where o.trace_id = p.trace_id and o.span_id = p.open_span_id
        )))
order by p.start_time_unix_nano, p.span_id, p.kind, p.key
limit $limit
