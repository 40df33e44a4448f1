-- Executions that stay without their payloads: the next in turn. Begins with retention/judged, which binds more.
-- $after: turn of the last that was answered before, or that goes whole; -1: none. $most: so many, and those that ended
-- at the same time as the last. $with_bytes: estimate bytes, of $used in all, which have the weight $weight.
-- Columns: as of retention/due; reason and rule are null.
{judged},
held as not materialized (
    select *
    from judged
    where are_payloads_due and turn > $after
        and execution_id in (select execution_id from stored.payloads)
),
last as (
    select list_max(min(turn, $most)) as turn from held
),
chosen as materialized (
    select * from held where turn <= (select turn from last)
),
of_payloads as (
    select execution_id, sum(size_bytes) * 0.5 as weight
    from stored.payloads
    where $with_bytes and execution_id in (select execution_id from chosen)
    group by execution_id
)
select
    c.execution_id, c.workflow_id, null as reason, null as rule,
    coalesce(p.weight / $weight * $used, 0) as bytes,
    c.first_unix_nano, c.last_start_unix_nano, c.span_count + 1 as row_count, c.turn
from chosen c
left join of_payloads p on p.execution_id = c.execution_id
