-- Which span lies in which, of one execution: ended spans and those that go on.
-- $execution_id: the execution; $first_unix_nano, $last_start_unix_nano: see locate.sql.
-- Columns: trace_id, span_id, parent_span_id (0: root); step_id of spans that are attempts of steps,
-- null: no step.
select
    trace_id,
    span_id,
    parent_span_id,
    case when role = 'step' then coalesce(step_id, span_hex(span_id)) end as step_id
from stored.spans
where execution_id = $execution_id
    and start_time_unix_nano >= cast($first_unix_nano as ubigint)
    and start_time_unix_nano <= cast($last_start_unix_nano as ubigint)
    and live_phase is null
union all
select
    trace_id,
    span_id,
    parent_span_id,
    case when role = 'step' then coalesce(step_id, span_hex(span_id)) end
from stored.open_spans
where execution_id = $execution_id
order by trace_id, span_id
