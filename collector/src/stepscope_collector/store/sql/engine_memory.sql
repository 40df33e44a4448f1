-- Bytes in the engine's memory: blocks of the file, which it can read again, and all else.
select
    coalesce(sum(memory_usage_bytes) filter (tag = 'BASE_TABLE'), 0)::bigint,
    coalesce(sum(memory_usage_bytes) filter (tag != 'BASE_TABLE'), 0)::bigint
from duckdb_memory();
