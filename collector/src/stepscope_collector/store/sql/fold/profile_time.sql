-- A time in ISO 8601, UTC unless it says else, as ns since the epoch; null when it is none.
create or replace temp macro unix_nano(said) as
    cast(epoch_ns(try_cast(said as timestamptz)) as ubigint)
