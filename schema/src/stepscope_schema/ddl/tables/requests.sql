-- Recently committed log and metric requests by content hash: a sender that retries after a lost
-- answer changes nothing. Spans have their own identity and need no row here.
create table if not exists stored.requests (
    request_hash uuid not null,          -- hash of the uncompressed request
    received_at timestamp_ns not null    -- UTC
)
