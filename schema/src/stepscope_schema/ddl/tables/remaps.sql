-- Re-mappings of the history with the profiles of now: what each was asked for and how far it is. The
-- position is written with the rows it speaks of, so a remap goes on where it was, whatever ended it.
create table if not exists stored.remaps (
    remap_id bigint not null,              -- when it was asked for, ns since the epoch
    state varchar not null,                -- running, finished or stopped
    since_unix_nano ubigint not null,      -- only traces with spans that started at or after this
    dialect varchar,                       -- only traces that this profile mapped or maps now, null: all
    position_unix_nano ubigint not null,   -- the traces before this start are done
    position_trace_id uuid not null,       -- of those that start there, the ones up to this
    trace_count ubigint not null,          -- traces to look at, when it began
    done_count ubigint not null,           -- traces looked at
    remapped_count ubigint not null,       -- traces mapped anew
    span_count ubigint not null,           -- their spans
    failed_count ubigint not null,         -- traces that stayed as they were, because that failed
    last_error varchar,                    -- why, the last time
    updated_at timestamp_ns not null       -- newest commit
)
