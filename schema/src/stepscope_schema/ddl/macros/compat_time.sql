-- A time as text of RFC 3339 with microseconds and Z, as the older designs kept times in SQLite.
create or replace macro compat_time(moment) as strftime(moment, '%Y-%m-%dT%H:%M:%S.%fZ')
