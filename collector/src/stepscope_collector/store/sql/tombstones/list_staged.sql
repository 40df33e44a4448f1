-- The staged spans of what was deleted, as temporary table `late_spans`: those that name a deleted
-- execution; those that name none and are in a trace that held nothing else, or are in a trace that
-- holds others, too, and are, or are below, spans that were deleted.
create or replace temp table late_spans as
with recursive executions as (
    select distinct execution_id
    from staged
    where is_explicit
),
traces as (
    select distinct trace_id, t.is_whole, t.span_ids
    from (select distinct trace_id from staged) s
    join stored.tombstones t on t.trace_hash = cast(md5(trace_hex(s.trace_id)) as uuid)
),
gone as (
    select span_row, trace_id, span_id
    from staged
    where is_explicit and execution_id in (
        select execution_id
        from executions
        where cast(md5(execution_id) as uuid) in (select execution_hash from stored.tombstones)
    )
    union
    select s.span_row, s.trace_id, s.span_id
    from staged s
    join traces t on t.trace_id = s.trace_id
    where not s.is_explicit
        and (t.is_whole or list_contains(t.span_ids, s.span_id)
            or list_contains(t.span_ids, s.parent_span_id))
    union
    select child.span_row, child.trace_id, child.span_id
    from gone
    join staged child on child.trace_id = gone.trace_id and child.parent_span_id = gone.span_id
    where not child.is_explicit
)
select distinct span_row, trace_id, span_id
from gone
