-- Removes the open spans that a staged span ends or that stand merged in `opened`.
delete from stored.open_spans o
where exists (
    from staged m
    where m.trace_id = o.trace_id
        and (m.open_span_id = o.span_id or (m.is_final and m.span_id = o.span_id))
)
