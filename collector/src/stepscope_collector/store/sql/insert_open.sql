-- Stores `opened`, but for spans whose end is staged or stored: a late marker opens nothing.
-- $ingested_at: UTC time of the commit; $first: least begin of the open spans in ns.
insert into stored.open_spans by name
select *, $ingested_at as ingested_at
from opened o
where not exists (
        from staged m where m.span_id = o.span_id and m.trace_id = o.trace_id and m.is_final
    )
    and not exists (
        from stored.spans s
        where s.span_id = o.span_id
            and s.trace_id = o.trace_id
            and s.live_phase is null
            and has_ended(s.odd_end_unix_nano)
            and s.start_time_unix_nano >= $first
    )
