-- Removes the exemplars of data points that were measured in the traces in `whole_traces`; the points
-- stay, for they count others, too.
update stored.metric_points p
set exemplars = null
where exemplars is not null
    and exists (
        from whole_traces t where contains(hex(p.exemplars), upper(trace_hex(t.trace_id)))
    )
