-- Whether any stored span named its execution, and any did not.
select
    coalesce(bool_or(has_explicit), false) as any_explicit,
    coalesce(bool_or(has_implicit), false) as any_implicit
from stored.traces
