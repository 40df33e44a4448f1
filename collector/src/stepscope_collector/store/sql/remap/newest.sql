-- The remap that was asked for last.
select
    remap_id, state, since_unix_nano, dialect, position_unix_nano, position_trace_id, trace_count,
    done_count, remapped_count, span_count, failed_count, last_error
from stored.remaps
order by remap_id desc
limit 1
