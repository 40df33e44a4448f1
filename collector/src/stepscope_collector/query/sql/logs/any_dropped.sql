-- Of how many executions and traces log records were refused; a statement of its own, because it costs next to
-- nothing and the answer is mostly none.
-- Columns: count.
select count(*) as count
from stored.log_drops
