-- Executions whose time is up: the next in turn, of which alone more is asked. Begins with retention/judged, which binds more.
-- $after: turn of the last that was answered before, -1: none. $freed: bytes of all those. $most: so many, and those that
-- ended at the same time as the last. $need: bytes that must go. $with_bytes: estimate bytes, of $used in all, which have
-- the weight $weight ($used is 0 else). Columns: execution_id, workflow_id, reason (age, count, bytes), rule (null: none), bytes,
-- first_unix_nano, last_start_unix_nano, row_count (of its spans, and itself), turn. Those of one turn go together.
{judged},
-- Turn of the last that is taken; an aggregate, since a sort with a limit may hold all rows.
last as (
    select list_max(min(turn, $most)) as turn
    from judged
    where turn > $after and (own_reason is not null or $need > $freed)
),
chosen as materialized (
    select *
    from judged
    where turn > $after and (own_reason is not null or $need > $freed)
        and turn <= (select turn from last)
),
of_payloads as (
    select execution_id, sum(size_bytes) * 0.5 as weight
    from stored.payloads
    where $with_bytes and execution_id in (select execution_id from chosen)
    group by execution_id
),
of_logs as (
    select execution_id, count(*) * 100.0 as weight
    from stored.log_records
    where $with_bytes and execution_id in (select execution_id from chosen)
    group by execution_id
),
sized as (
    select
        c.*,
        coalesce(
            (c.span_count * 100.0 + coalesce(p.weight, 0) + coalesce(l.weight, 0)) / $weight * $used,
            0
        ) as bytes
    from chosen c
    left join of_payloads p on p.execution_id = c.execution_id
    left join of_logs l on l.execution_id = c.execution_id
)
select
    execution_id, workflow_id,
    coalesce(own_reason, case when $freed + coalesce(sum(bytes) over (
        order by turn groups between unbounded preceding and 1 preceding
    ), 0) < $need then 'bytes' end) as reason,
    case when own_reason is not null then rule end as rule,
    bytes,
    first_unix_nano, last_start_unix_nano, span_count + 1 as row_count, turn
from sized
qualify reason is not null
