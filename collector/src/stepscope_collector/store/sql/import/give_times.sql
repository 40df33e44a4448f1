-- Gives the rows of stored.{table} that were stored just now, of those in `fresh`, the times when they had
-- been committed first. $times: ns since the epoch, one for each row of the batch; $now: time of this
-- transaction.
update stored.{table} s
set ingested_at = make_timestamp_ns(t.committed_ns)
from (
    with written as (
        select
            rowid as row_id,
            hash(*columns(lambda name: name not in ('ingested_at', 'execution_key'))) as content,
            time_unix_nano
        from stored.{table}
        where ingested_at = $now
    ),
    counted as (
        select *, row_number() over (partition by content, time_unix_nano order by row_id) as nth
        from written
    )
    select c.row_id, list_extract($times::bigint[], f.place + 1) as committed_ns
    from counted c
    join fresh f using (content, time_unix_nano, nth)
) t
where s.rowid = t.row_id
