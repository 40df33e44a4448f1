-- Forgets what remaps said of the traces in `whole_traces`.
update stored.remaps r
set last_error = null
where last_error is not null
    and exists (from whole_traces t where contains(r.last_error, trace_hex(t.trace_id)))
