-- Removes staged spans that stand in the same commit before with the same content.
delete from staged
where span_row in (
    select m.span_row
    from staged m
    join staged s
        on s.span_id = m.span_id
        and s.trace_id = m.trace_id
        and s.start_time_unix_nano = m.start_time_unix_nano
    join incoming_spans b on b.span_row = m.span_row
    join incoming_spans a on a.span_row = s.span_row
    where s.span_row < m.span_row and same_span(a, b) and same_home(s, m)
)
