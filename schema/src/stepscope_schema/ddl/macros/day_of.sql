-- Beginning of the day of a timestamp_ns, UTC. See hour_of.
create or replace macro day_of(moment) as
    make_timestamp_ns(epoch_ns(moment) - epoch_ns(moment) % 86400000000000)
