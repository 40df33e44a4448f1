-- Removes the open spans that a staged span ends or that stand merged in `opened`. A span that is final tells
-- of no open one, so each staged span has one id at most.
delete from stored.open_spans o
where (o.trace_id, o.span_id) in (
    select (m.trace_id, case when m.is_final then m.span_id else m.open_span_id end)
    from staged m
)
