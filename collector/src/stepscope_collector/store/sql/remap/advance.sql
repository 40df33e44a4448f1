-- Notes how far a remap is; the parameters are the columns.
update stored.remaps
set state = $state, position_unix_nano = $position_unix_nano,
    position_trace_id = $position_trace_id, done_count = $done_count,
    remapped_count = $remapped_count, span_count = $span_count, failed_count = $failed_count,
    last_error = $last_error, updated_at = $now
where remap_id = $remap_id
