-- Beginning of the hour of a timestamp_ns, UTC. Not date_trunc, which rounds to microseconds first: so
-- the last nanoseconds of an hour would count for the next.
create or replace macro hour_of(moment) as
    make_timestamp_ns(epoch_ns(moment) - epoch_ns(moment) % 3600000000000)
