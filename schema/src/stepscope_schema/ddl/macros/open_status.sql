-- Status of something that has not ended and of which a sender told more than that: what is queued or
-- waits may be silent, anything else counts as when_silent after silence_ns, see live_status.
create or replace macro open_status(word, last_seen_unix_nano, silence_ns, when_silent) as
    case when word in ('queued', 'waiting') then word
        when live_status(last_seen_unix_nano, silence_ns, when_silent) = 'running'
            then coalesce(word, 'running')
        else when_silent end
