-- Size of the database in bytes and the version of DuckDB.
-- Columns: database_bytes, free_bytes, duckdb_version.
select
    total_blocks * block_size as database_bytes,
    free_blocks * block_size as free_bytes,
    version() as duckdb_version
from pragma_database_size()
order by 1 desc
limit 1
