-- Between which commits (UTC) the executions $execution_ids came in; null: none is stored. And whether most of what
-- starts between $first and $last (ns), the bounds of their starts, is among them.
with near as (
    select count(*) as executions
    from stored.executions
    where first_unix_nano between $first and $last
), given as (
    select min(ingested_at) as since, max(updated_at) as until, count(*) as executions
    from stored.executions
    where execution_id in (select unnest($execution_ids::varchar[]))
        and first_unix_nano between $first and $last
)
select g.since, g.until, n.executions <= 8 * g.executions + 10000 as are_most
from given g, near n
