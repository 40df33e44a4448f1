-- UTC timestamp of OTLP nanoseconds since the epoch; null for 0 (unknown) and beyond int64.
create or replace macro time_of(unix_nano) as
    case when unix_nano between 1 and 9223372036854775806
        then make_timestamp_ns(cast(unix_nano as bigint)) end
