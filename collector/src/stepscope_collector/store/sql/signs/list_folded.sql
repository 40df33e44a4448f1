-- Stored spans of folded dialects that go on, of which the batches `incoming_logs` and `incoming_spans`
-- tell, as temporary table `signs`. $now: time of the commit in ns.
create or replace temp table signs as
with seen as (
    select
        trace_id, span_id,
        least(max(coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano)), $now) as seen
    from incoming_logs
    where trace_id is not null and span_id is not null
    group by all
)
select s.execution_id, s.trace_id, s.span_id, seen.seen
from stored.spans s
join seen on seen.trace_id = s.trace_id and seen.span_id = s.span_id
where s.is_folded
    and s.start_time_unix_nano >= (select min(start_time_unix_nano) from incoming_spans)
    and s.start_time_unix_nano <= (select max(start_time_unix_nano) from incoming_spans)
