-- Stores data points from the registered batch `incoming_metrics`. $ingested_at: UTC time of the commit.
insert into stored.metric_points by name
select *, $ingested_at as ingested_at
from incoming_metrics
