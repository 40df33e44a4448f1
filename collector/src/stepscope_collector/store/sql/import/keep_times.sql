-- When the spans of the batch `incoming_spans` that were stored just now had been committed first, as
-- temporary table `committed`: row_id, trace_id, span_id, start_time_unix_nano, ingested_at. Ids and start
-- do not tell all apart: what was sent as begun and again as ended has them twice.
-- $times: ns since the epoch, one for each row of the batch; $now: time of this transaction;
-- $first, $last: bounds of the starts in ns.
create or replace temp table committed as
select
    s.rowid as row_id, s.trace_id, s.span_id, s.start_time_unix_nano,
    min(make_timestamp_ns(b.committed_ns)) as ingested_at
from (
    select i.*, t.committed_ns
    from incoming_spans i
    positional join (select unnest($times::bigint[]) as committed_ns) t
) b
join stored.spans s
    on s.trace_id = b.trace_id
    and s.span_id = b.span_id
    and s.start_time_unix_nano = b.start_time_unix_nano
where s.start_time_unix_nano between $first and $last
    and s.ingested_at = $now
    and same_span(s, b)
group by all
