-- Removes staged spans that are already stored with the same content. The id alone does not
-- decide: Airflow gives every try of a task the same span id.
-- $first, $last: least and greatest start of the batch in ns.
delete from staged
where span_row in (
    select m.span_row
    from staged m
    join incoming_spans b on b.span_row = m.span_row
    join stored.spans s
        on s.span_id = m.span_id
        and s.trace_id = m.trace_id
        and s.start_time_unix_nano = m.start_time_unix_nano
    where s.start_time_unix_nano between $first and $last
        and same_span(s, b)
        and (same_home(s, m) or s.role = 'operation' or s.is_folded)
)
