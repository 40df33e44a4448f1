-- Between which starts all spans of the executions of a time span lie. The filter compiler puts
-- conditions on started_at, which is a stored column too, in the place of the marked line.
-- Columns: first_unix_nano, last_start_unix_nano (nanoseconds since the epoch), null: no executions.
select
    min(first_unix_nano) as first_unix_nano,
    max(last_start_unix_nano) as last_start_unix_nano
from stored.executions as e
where true /* filter */
order by first_unix_nano
