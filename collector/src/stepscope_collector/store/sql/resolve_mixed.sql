-- For every span of a mixed trace that does not name its execution: the execution of its nearest
-- ancestor that does, ended or still open; as temporary table `moved`, only where that changes
-- the stored row. $first, $last: bounds of the starts in ns.
create or replace temp table moved as
with recursive family as (
    select
        rowid as row_id, trace_id, span_id, parent_span_id, start_time_unix_nano, is_explicit,
        execution_id, role
    from stored.spans
    where trace_id in (select trace_id from mixed)
        and start_time_unix_nano between $first and $last
        and live_phase is null
),
below(row_id, trace_id, span_id, execution_id) as (
    select cast(null as bigint), trace_id, span_id, execution_id
    from family
    where is_explicit
    union
    select cast(null as bigint), trace_id, span_id, execution_id
    from stored.open_spans
    where trace_id in (select trace_id from mixed) and dialect = 'stepscope'
    union
    select child.row_id, child.trace_id, child.span_id, below.execution_id
    from below
    join family child
        on child.trace_id = below.trace_id and child.parent_span_id = below.span_id
    where not child.is_explicit
)
select
    below.row_id,
    below.trace_id,
    below.span_id,
    any_value(family.start_time_unix_nano) as start_time_unix_nano,
    min(below.execution_id) as execution_id,
    any_value(family.execution_id) as execution_id_before
from below
join family on family.row_id = below.row_id
group by below.row_id, below.trace_id, below.span_id
having min(below.execution_id) <> any_value(family.execution_id)
    or any_value(family.role) <> 'operation'
