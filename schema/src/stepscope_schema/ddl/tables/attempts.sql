-- Tries of steps that are folded from what several spans say, or from events; those of spans that say
-- everything themselves stand in stored.spans. Folded anew whenever a batch touches their execution.
create table if not exists stored.attempts (
    execution_id varchar not null,        -- execution the step belongs to
    step_id varchar not null,             -- identity of the step within its execution
    step_name varchar,                    -- name of the step
    step_type varchar,                    -- kind of step, open vocabulary
    step_index integer,                   -- position among the steps, from 0, null: not told
    attempt integer not null,             -- number of this try, from 1
    max_attempts integer,                 -- tries the retry policy allows, null: no policy
    is_expected_retry boolean,            -- the retry policy expected its error (R117)
    status varchar not null,              -- canonical status
    status_native varchar,                -- the sender's own word
    queued_unix_nano ubigint,             -- when it was scheduled, null: not told
    started_unix_nano ubigint not null,   -- start
    ended_unix_nano ubigint,              -- end, null: it goes on, or nobody tells
    last_seen_unix_nano ubigint not null, -- newest sign of life
    silence_ns ubigint,                   -- how long it may be silent before it counts as lost, null: as long as the setting says
    error_type varchar,                   -- class of the error that ended it
    error_message varchar,                -- message of that error
    error_stack varchar,                  -- stack of that error
    dialect varchar not null,             -- profile that mapped it
    trace_id uuid not null,               -- trace of the span that tells most about it
    span_id ubigint not null,             -- that span
    parent_span_id ubigint not null,      -- its parent, 0: root span
    ingested_at timestamp_ns not null     -- UTC, when it was folded
)
