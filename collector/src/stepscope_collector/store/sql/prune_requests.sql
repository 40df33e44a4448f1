-- Forgets requests that no client retries any more. $before: UTC time.
delete from stored.requests where received_at < $before
