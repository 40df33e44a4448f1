-- The one status vocabulary from any sender's word; null for a word that is not known.
create or replace macro canonical_status(word) as
    case lower(word)
        when 'queued' then 'queued' when 'pending' then 'queued' when 'scheduled' then 'queued'
        when 'created' then 'queued' when 'new' then 'queued' when 'notstarted' then 'queued'
        when 'delayed' then 'queued'
        when 'running' then 'running' when 'executing' then 'running' when 'finalizing' then 'running'
        when 'started' then 'running' when 'restarted' then 'running'
        when 'waiting' then 'waiting' when 'paused' then 'waiting' when 'deferred' then 'waiting'
        when 'retrying' then 'retrying' when 'up_for_retry' then 'retrying'
        when 'success' then 'success' when 'completed' then 'success' when 'succeeded' then 'success'
        when 'ok' then 'success'
        when 'partial' then 'partial' when 'warning' then 'partial'
        when 'failed' then 'failed' when 'failure' then 'failed' when 'error' then 'failed'
        when 'timed_out' then 'timed_out' when 'timeout' then 'timed_out' when 'timedout' then 'timed_out'
        when 'expired' then 'timed_out'
        when 'cancelled' then 'cancelled' when 'canceled' then 'cancelled' when 'cancellation' then 'cancelled'
        when 'terminated' then 'cancelled' when 'killed' then 'cancelled' when 'cancelling' then 'cancelled'
        when 'lost' then 'lost' when 'crashed' then 'lost' when 'zombie' then 'lost' when 'interrupted' then 'lost'
        when 'skipped' then 'skipped' when 'skip' then 'skipped' when 'upstream_failed' then 'skipped'
        when 'superseded' then 'superseded' when 'continuedasnew' then 'superseded' when 'retried' then 'superseded'
        when 'unknown' then 'unknown'
    end
