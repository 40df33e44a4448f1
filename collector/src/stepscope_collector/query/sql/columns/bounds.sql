-- Between which starts all spans of some executions lie.
-- $ids: the executions; $least, $greatest: least and greatest of their starts as the view has them,
-- nanoseconds since the epoch, null: not all are known.
-- Columns: first_unix_nano, last_start_unix_nano; null: there are no such executions.
select
    min(first_unix_nano) as first_unix_nano,
    max(last_start_unix_nano) as last_start_unix_nano
from stored.executions
where ($least is null or (
        started_at >= make_timestamp_ns(cast($least as bigint))
        and started_at <= make_timestamp_ns(cast($greatest as bigint))
    ))
    and execution_id in (select unnest($ids))
order by first_unix_nano
