-- Stores the registered table `folded_attempts`. $now: time of the commit in ns; $ingested_at: the
-- same as UTC time.
insert into stored.attempts by name
select
    f.* exclude (last_seen_unix_nano),
    least(f.last_seen_unix_nano, $now) as last_seen_unix_nano,
    $ingested_at as ingested_at
from folded_attempts f
