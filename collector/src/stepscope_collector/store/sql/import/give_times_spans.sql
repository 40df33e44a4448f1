-- Gives the spans in `committed` the times of their first commit. $first, $last: bounds of the starts in ns.
update stored.spans s
set ingested_at = c.ingested_at
from committed c
where s.rowid = c.row_id
    and s.start_time_unix_nano between $first and $last
