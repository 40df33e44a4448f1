-- Stores the payloads of the staged spans from the registered batch `incoming_payloads`.
-- $ingested_at: UTC time of the commit.
insert into stored.payloads by name
select
    m.execution_id, m.trace_id, m.span_id, m.start_time_unix_nano,
    p.kind, p.key, p.media_type, p.body, p.size_bytes, p.sha256, p.is_truncated,
    m.live_phase, case when m.live_phase is not null then m.open_span_id end as open_span_id,
    $ingested_at as ingested_at
from incoming_payloads p
join staged m using (span_row)
