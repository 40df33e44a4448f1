-- View dialects, those that mapped most executions first.
-- Columns: those of the view, times in nanoseconds since the epoch (UTC).
select
    dialect, description, version, origin, source, priority, execution_count, span_count,
    epoch_ns(last_started_at) as last_started_at, fills, not_emitted, epoch_ns(loaded_at) as loaded_at
from dialects
order by execution_count desc, span_count desc, dialect
