-- Notes in stored.rejections that executions have begun to lose log records. $messages, $counts, $trace_ids
-- (hex or null): one of each; $reason; $now: UTC time of the commit.
insert into stored.rejections by name
select
    $now as received_at,
    'logs' as signal,
    $reason as reason,
    unnest($messages) as message,
    unnest($counts) as rejected_count,
    unnest($trace_ids) as trace_id,
    0 as payload_bytes
