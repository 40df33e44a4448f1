-- When the spans of the batch `incoming_spans` that were stored just now had been committed first, as
-- temporary table `committed`.
-- $times: ns since the epoch, one for each row of the batch; $now: time of this transaction;
-- $first, $last: bounds of the starts in ns.
create or replace temp table committed as
select
    b.trace_id, b.span_id, b.start_time_unix_nano,
    min(make_timestamp_ns(b.committed_ns)) as ingested_at
from (
    select i.trace_id, i.span_id, i.start_time_unix_nano, t.committed_ns
    from incoming_spans i
    positional join (select unnest($times::bigint[]) as committed_ns) t
) b
where exists (
    from stored.spans s
    where s.trace_id = b.trace_id
        and s.span_id = b.span_id
        and s.start_time_unix_nano = b.start_time_unix_nano
        and s.start_time_unix_nano between $first and $last
        and s.ingested_at = $now
)
group by all
