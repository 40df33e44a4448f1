-- The times between which the executions in `erasing`, as list_prunable makes it, were committed, UTC; null: it is empty.
select min(ingested_at) as first_commit, max(updated_at) as last_commit
from erasing
