-- Where a chunk of spans ends: never between spans of one start.
-- $execution_ids: null means all; $first: least start in ns; $rows: spans aimed at.
-- Columns: last: greatest start of the chunk in ns, null: there is none.
with next_spans as (
    select start_time_unix_nano
    from stored.spans
    where start_time_unix_nano >= cast($first as ubigint)
        and not is_from_log
        and ($execution_ids::varchar[] is null
            or execution_id in (select unnest($execution_ids::varchar[])))
    order by start_time_unix_nano
    limit $rows
)
select max(start_time_unix_nano) as last
from next_spans
