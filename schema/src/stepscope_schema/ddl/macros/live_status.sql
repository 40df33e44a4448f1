-- Status of something that has not ended: running while there are signs of life, then when_silent.
-- silence_ns: how long it may be silent; null: as long as the setting says.
-- The sum of last_seen_unix_nano and a limit could overflow, so the limit is taken from the clock.
create or replace macro live_status(last_seen_unix_nano, silence_ns, when_silent) as
    case when last_seen_unix_nano < cast(greatest(
            epoch_ns(current_timestamp) - cast(coalesce(silence_ns, lost_after_ns()) as bigint), 0
        ) as ubigint)
        then when_silent else 'running' end
