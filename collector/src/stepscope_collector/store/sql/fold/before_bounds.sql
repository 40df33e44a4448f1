-- How many executions were known before, and the least time any of their spans began.
select count(*) as known, min(first_unix_nano) as first
from executions_before
