-- Status of something that has not ended: running while there are signs of life, then lost.
create or replace macro live_status(last_seen_unix_nano, when_silent) as
    case when last_seen_unix_nano + lost_after_ns() < cast(epoch_ns(current_timestamp) as ubigint)
        then when_silent else 'running' end
