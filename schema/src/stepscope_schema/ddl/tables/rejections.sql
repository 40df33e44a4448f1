-- What was refused, and why.
create table if not exists stored.rejections (
    received_at timestamp_ns not null,  -- UTC
    signal varchar not null,            -- traces, logs or metrics
    reason varchar not null,            -- closed list, see docs/reference
    message varchar not null,           -- what was wrong, the value, the limit, the remedy
    rejected_count ubigint not null,    -- spans, log records or points; 0: a whole request not decoded
    trace_id varchar,                   -- hex as sent
    span_id varchar,                    -- hex as sent
    name varchar,                       -- span, metric or event name
    payload_bytes ubigint not null,     -- size of the request
    sender varchar                      -- address of the sender; in brackets the name of its token and its user agent
)
