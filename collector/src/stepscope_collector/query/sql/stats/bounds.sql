-- Between which starts all spans of the chosen executions lie. The filter compiler puts conditions
-- in the place of the marked line.
-- Columns: first_unix_nano, last_start_unix_nano (nanoseconds since the epoch), null: none chosen.
select
    min(first_unix_nano) as first_unix_nano,
    max(last_start_unix_nano) as last_start_unix_nano
from stored.executions
where execution_id in (select execution_id from executions as e where true /* filter */)
order by first_unix_nano
