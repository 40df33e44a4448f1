-- Gives the rows of stored.{table} that were stored just now, in their order, the times when they had been
-- committed first. $times: ns since the epoch, one for each; $now: time of this transaction.
update stored.{table} s
set ingested_at = make_timestamp_ns(t.committed_ns)
from (
    select n.row_id, g.committed_ns
    from (
        select rowid as row_id
        from stored.{table}
        where ingested_at = $now
        order by rowid
    ) n
    positional join (select unnest($times::bigint[]) as committed_ns) g
) t
where s.rowid = t.row_id
