-- Number that stands for the id of an execution where many are looked through: the lowest 32 bits of its MD5,
-- since to look through a million of them takes as long as to read them.
-- Not hash(), whose values may change with DuckDB. Two ids may have the same, so compare the ids, too.
create or replace macro execution_key(execution_id) as
    cast(md5_number_lower(execution_id) & 4294967295 as uinteger)
