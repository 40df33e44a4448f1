-- When the spans were last seen in which the log records of the batch `incoming_logs` were written, as
-- temporary table `seen`. $now: time of the commit in ns.
create or replace temp table seen as
select
    trace_id, span_id,
    least(max(coalesce(nullif(time_unix_nano, 0), observed_time_unix_nano)), $now) as seen
from incoming_logs
where trace_id is not null and span_id is not null
group by all
