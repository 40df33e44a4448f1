-- Removes the spans in `late_spans` from those that are to be stored.
delete from staged
where span_row in (select span_row from late_spans)
