-- Where a chunk of data points ends: never between points of one time.
-- $execution_ids: null means all; $first: least time in ns; $rows: points aimed at.
-- Columns: last: greatest time of the chunk in ns, null: there is none.
with next_points as (
    select time_unix_nano
    from stored.metric_points
    where time_unix_nano >= cast($first as ubigint)
        and ($execution_ids::varchar[] is null
            or execution_id in (select unnest($execution_ids::varchar[])))
    order by time_unix_nano
    limit $rows
)
select max(time_unix_nano) as last
from next_points
