-- Statements that somebody has given a name to ask them again: `stepscope query save`.
create table if not exists stored.queries (
    name varchar not null,            -- lower-case letters, digits and underscores; no two have the same
    statement varchar not null,       -- SQL that the guard has let through
    params varchar[] not null,        -- names of its $parameters, in order of the alphabet
    description varchar,              -- what it answers, in the words of who saved it
    saved_at timestamp_ns not null    -- UTC
)
