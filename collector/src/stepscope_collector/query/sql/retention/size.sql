-- Bytes of the database: blocks in use, blocks that are free, and of the write-ahead log.
select
    cast(used_blocks * block_size as bigint) as used_bytes,
    cast(free_blocks * block_size as bigint) as free_bytes
from pragma_database_size()
where database_name = current_database()
