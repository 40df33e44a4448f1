-- Whether any trace is folded.
select coalesce(bool_or(has_folded), false) as any_folded
from stored.traces
