-- UTC timestamp of OTLP nanoseconds since the epoch; null for 0 (unknown) and beyond int64. try_cast, though the
-- condition has left out what does not fit: DuckDB 2.0 casts the field of a struct before it looks at the condition.
create or replace macro time_of(unix_nano) as
    case when unix_nano between 1 and 9223372036854775806
        then make_timestamp_ns(try_cast(unix_nano as bigint)) end
