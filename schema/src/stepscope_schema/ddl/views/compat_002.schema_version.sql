-- Versions of the tables as the table of that name of older design 002 (R068).
create or replace view compat_002.schema_version as
select
    version,                                  -- integer: number of the migration
    compat_time(applied_at) as applied_at     -- varchar: when it was applied
from stored.schema_version
