-- What stands for the executions of a table in memory, as a signed integer, which is 63 bits of a hash.
select cast(hash(execution_id) >> 1 as bigint) as id_hash
from {table}
