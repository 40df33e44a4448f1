-- The next of the chosen executions, those that started first in front. The filter compiler puts
-- conditions in the place of the mark.
-- $after_id, $after_ns: the last one of the page before and its start in ns since the epoch, null: none;
-- $limit: rows at most.
-- Columns: execution_id; started_unix_nano (null: none); span_count.
select e.execution_id, epoch_ns(e.started_at) as started_unix_nano, e.span_count
from executions as e
where true /* filter */
    and (
        cast($after_id as varchar) is null
        or e.started_at is null
            and (cast($after_ns as bigint) is not null or e.execution_id > cast($after_id as varchar))
        or e.started_at > make_timestamp_ns(cast($after_ns as bigint))
        or e.started_at = make_timestamp_ns(cast($after_ns as bigint))
            and e.execution_id > cast($after_id as varchar)
    )
order by e.started_at nulls last, e.execution_id
limit $limit
