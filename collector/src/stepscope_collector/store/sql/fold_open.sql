-- Staged signs of open spans merged with what is known of them, one row per open span, as
-- temporary table `opened`.
create or replace temp table opened as
with signs as (
    select
        trace_id, open_span_id as span_id, open_parent_span_id as parent_span_id, name,
        begun_unix_nano as start_time_unix_nano, seen_unix_nano as last_seen_unix_nano, dialect,
        role, execution_id, step_id, step_name, step_type, step_index, attempt, max_attempts
    from staged
    where open_span_id is not null
    union all
    select
        trace_id, span_id, parent_span_id, name, start_time_unix_nano, last_seen_unix_nano,
        dialect, role, execution_id, step_id, step_name, step_type, step_index, attempt,
        max_attempts
    from stored.open_spans o
    where exists (
        from staged m where m.open_span_id = o.span_id and m.trace_id = o.trace_id
    )
)
select
    trace_id,
    span_id,
    max(parent_span_id) as parent_span_id,
    max(name) as name,
    min(start_time_unix_nano) as start_time_unix_nano,
    max(last_seen_unix_nano) as last_seen_unix_nano,
    max(dialect) as dialect,
    max(role) as role,
    max(execution_id) as execution_id,
    max(step_id) as step_id,
    max(step_name) as step_name,
    max(step_type) as step_type,
    max(step_index) as step_index,
    max(attempt) as attempt,
    max(max_attempts) as max_attempts
from signs
group by trace_id, span_id
