-- Whole milliseconds of nanoseconds.
create or replace macro compat_ms(ns) as cast(ns // 1000000 as bigint)
