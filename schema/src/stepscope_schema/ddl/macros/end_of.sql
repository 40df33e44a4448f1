-- Span.end_time_unix_nano of a row of stored.spans, verbatim. Rows hold durations in its place, because what is
-- slowest is then found by zone maps, and they take less room.
create or replace macro end_of(start_time_unix_nano, duration_ns, odd_end_unix_nano) as
    case when duration_ns is null then odd_end_unix_nano
        else start_time_unix_nano + cast(duration_ns as ubigint) end
