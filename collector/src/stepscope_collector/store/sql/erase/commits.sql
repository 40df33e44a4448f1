-- The times between which the executions in `erasing` were committed, UTC; null: none is stored.
-- $first, $last: bounds of their starts in ns.
select min(ingested_at) as first_commit, max(updated_at) as last_commit
from stored.executions
where execution_id in (select execution_id from erasing)
    and first_unix_nano between $first and $last
