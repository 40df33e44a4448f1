-- Removes the data points that name the executions in `erasing` in any attribute, or whose original
-- holds one of their ids or the id of one of their traces.
delete from stored.metric_points p
where exists (
        from erasing e
        where list_contains(map_values(p.attributes), e.execution_id)
            or (p.raw is not null and contains(hex(p.raw), hex(encode(e.execution_id))))
    )
    or (p.raw is not null and exists (
        from whole_traces t where contains(hex(p.raw), upper(trace_hex(t.trace_id)))
    ))
