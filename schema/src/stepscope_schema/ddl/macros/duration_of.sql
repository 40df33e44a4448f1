-- Nanoseconds from start to end; null when either is unknown or the end is before the start.
create or replace macro duration_of(start_unix_nano, end_unix_nano) as
    case when start_unix_nano > 0 and end_unix_nano >= start_unix_nano
        then try_cast(end_unix_nano - start_unix_nano as bigint) end
