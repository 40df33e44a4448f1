-- Aggregate: a quantile of durations in buckets, within 1 % of what quantile_cont gives for the
-- durations themselves. One row per bucket; upto: durations in it and all lower buckets; total: in all
-- buckets; share: 0 to 1.
create or replace macro bucket_quantile(bucket, upto, total, share) as
    bucket_ns(min(bucket) filter (upto > floor(share * (total - 1))))
        + (bucket_ns(min(bucket) filter (upto > ceil(share * (total - 1))))
            - bucket_ns(min(bucket) filter (upto > floor(share * (total - 1)))))
        * any_value(share * (total - 1) - floor(share * (total - 1)))
