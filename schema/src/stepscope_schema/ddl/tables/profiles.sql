-- The profiles that the server which wrote last had in force: what each fills and what it knows that
-- its engine does not emit.
create table if not exists stored.profiles (
    name varchar not null,            -- name of the dialect
    told varchar not null,            -- JSON: description, version, priority, origin, source, fills, not_emitted
    loaded_at timestamp_ns not null   -- UTC, since when it is in force like this
)
