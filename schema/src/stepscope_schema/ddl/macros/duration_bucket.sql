-- Bucket of a duration: all durations of one bucket are within 1 % of bucket_ns(bucket). Buckets grow
-- by 1.01 / 0.99 as those of DDSketch do (Masson and others, 2019); -1 holds 0 ns.
create or replace macro duration_bucket(duration_ns) as
    case when duration_ns > 0
        then cast(ceil(ln(cast(duration_ns as double)) / ln(1.01 / 0.99)) as integer)
        when duration_ns = 0 then -1 end
