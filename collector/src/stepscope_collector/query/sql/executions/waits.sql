-- Where the time of an execution went, and that of each of its steps. Every nanosecond counts once.
-- Of a step: from its queueing or first start to its last end. Of the execution: from its start to its
-- end; where several things happen at once, work goes before child executions, these before a queue,
-- this before a back-off, and all before a gap.
-- $tries: list of {step_id, above (step around it), queued_at, started_at, ended_at};
-- $children: list of {above, begun_at, ended_at}; $from_ns, $until_ns: of the execution.
-- All times in nanoseconds since the epoch.
-- Columns: step_id (null: the execution itself); total_ns and its parts: self_ns, steps_ns (steps
-- inside it, with their waits), child_ns, queue_ns, back_off_ns, gap_ns.
with tries as materialized (
    select unnest(cast($tries as struct(
        step_id varchar, above varchar, queued_at bigint, started_at bigint, ended_at bigint)[]),
        recursive := true)
), children as materialized (
    select unnest(cast($children as struct(
        above varchar, begun_at bigint, ended_at bigint)[]), recursive := true)
), own as (
    -- What is left between these is back-off.
    select step_id, 'self' as kind, started_at as begin_ns, ended_at as end_ns from tries
    union all
    select step_id, 'queue', least(queued_at, started_at), started_at from tries
), extents as (
    select step_id, any_value(above) as above,
        min(least(queued_at, started_at)) as begin_ns, max(ended_at) as end_ns
    from tries
    group by step_id
), happened as (
    select step_id, kind, begin_ns, end_ns from own
    union all
    select step_id, 'extent', begin_ns, end_ns from extents
    union all
    select above, 'steps', begin_ns, end_ns from extents where above is not null
    union all
    select above, 'child', begun_at, ended_at from children where above is not null
), inside as (
    select h.step_id, h.kind,
        greatest(h.begin_ns, e.begin_ns) as begin_ns, least(h.end_ns, e.end_ns) as end_ns
    from happened h
    join extents e on e.step_id = h.step_id
), edges as (
    select step_id, begin_ns as at_ns, kind, 1 as way from inside where begin_ns < end_ns
    union all
    select step_id, end_ns, kind, -1 from inside where begin_ns < end_ns
), changes as (
    select step_id, at_ns,
        sum(way) filter (kind = 'self') as self, sum(way) filter (kind = 'steps') as steps,
        sum(way) filter (kind = 'child') as child, sum(way) filter (kind = 'queue') as queue
    from edges
    group by step_id, at_ns
), counted as (
    select step_id, at_ns as begin_ns, lead(at_ns) over later as end_ns,
        sum(coalesce(self, 0)) over later as self, sum(coalesce(steps, 0)) over later as steps,
        sum(coalesce(child, 0)) over later as child, sum(coalesce(queue, 0)) over later as queue
    from changes
    window later as (partition by step_id order by at_ns)
), pieces as (
    select step_id, begin_ns, end_ns,
        case when self > 0 and steps > 0 then 'steps' when self > 0 and child > 0 then 'child'
            when self > 0 then 'self' when queue > 0 then 'queue' else 'back_off' end as kind
    from counted
    where end_ns is not null
), whole as (
    select kind, begin_ns, end_ns from pieces where kind not in ('steps', 'child')
    union all
    select 'child', begun_at, ended_at from children
    union all
    -- Steps that lie in each other, which no clock can tell: somebody worked.
    select 'tangled', started_at, ended_at from tries
    union all
    select 'gap', $from_ns, $until_ns
), all_edges as (
    select greatest(begin_ns, $from_ns) as at_ns, kind, 1 as way
    from whole where greatest(begin_ns, $from_ns) < least(end_ns, $until_ns)
    union all
    select least(end_ns, $until_ns), kind, -1
    from whole where greatest(begin_ns, $from_ns) < least(end_ns, $until_ns)
), all_changes as (
    select at_ns,
        sum(way) filter (kind = 'self') as self, sum(way) filter (kind = 'child') as child,
        sum(way) filter (kind = 'queue') as queue, sum(way) filter (kind = 'back_off') as back_off,
        sum(way) filter (kind = 'tangled') as tangled
    from all_edges
    group by at_ns
), all_pieces as (
    select at_ns as begin_ns, lead(at_ns) over later as end_ns,
        case when sum(coalesce(self, 0)) over later > 0 then 'self'
            when sum(coalesce(child, 0)) over later > 0 then 'child'
            when sum(coalesce(queue, 0)) over later > 0 then 'queue'
            when sum(coalesce(back_off, 0)) over later > 0 then 'back_off'
            when sum(coalesce(tangled, 0)) over later > 0 then 'self' else 'gap' end as kind
    from all_changes
    window later as (order by at_ns)
)
select
    step_id,
    coalesce(sum(end_ns - begin_ns), 0) as total_ns,
    coalesce(sum(end_ns - begin_ns) filter (kind = 'self'), 0) as self_ns,
    coalesce(sum(end_ns - begin_ns) filter (kind = 'steps'), 0) as steps_ns,
    coalesce(sum(end_ns - begin_ns) filter (kind = 'child'), 0) as child_ns,
    coalesce(sum(end_ns - begin_ns) filter (kind = 'queue'), 0) as queue_ns,
    coalesce(sum(end_ns - begin_ns) filter (kind = 'back_off'), 0) as back_off_ns,
    coalesce(sum(end_ns - begin_ns) filter (kind = 'gap'), 0) as gap_ns
from (
    select step_id, kind, begin_ns, end_ns from pieces
    union all
    select null, kind, begin_ns, end_ns from all_pieces where end_ns is not null
)
group by step_id
order by step_id nulls first
