-- Span id as 16 lower-case hex digits; null for 0, which is no span.
create or replace macro span_hex(span_id) as
    case when span_id > 0 then lpad(to_hex(span_id), 16, '0').lower() end
