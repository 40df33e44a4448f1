-- How many executions were known before, and the least time in ns at which anything of them was seen:
-- a sign of life is never later than its commit, however far a sender's clock is ahead.
select
    count(*) as known,
    least(min(first_unix_nano), cast(epoch_ns(min(ingested_at)) as ubigint)) as first
from executions_before
