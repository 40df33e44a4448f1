-- Least and greatest start in ns of the spans of the executions in `referring`; null: there are none.
select min(first_unix_nano) as first_start, max(last_start_unix_nano) as last_start
from referring
