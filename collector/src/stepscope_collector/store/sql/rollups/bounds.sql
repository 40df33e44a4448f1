-- Between which starts all spans of the executions in table {executions} lie (ns), and which their own
-- are; null: it has none. $least, $greatest: bounds of the starts in ns, as far as known.
select
    min(first_unix_nano) as first,
    max(last_start_unix_nano) as last,
    epoch_ns(min(started_at)) as first_started,
    epoch_ns(max(started_at)) as last_started
from stored.executions
where execution_id in (select execution_id from {executions})
    and first_unix_nano between $least and $greatest
order by first
