-- One row per applied migration; the highest version is the version of the file (R068).
create table if not exists stored.schema_version (
    version integer not null,          -- number of the migration
    name varchar not null,             -- file name of the migration without ending
    applied_at timestamp_ns not null   -- UTC
)
