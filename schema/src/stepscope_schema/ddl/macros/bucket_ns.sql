-- Duration that a bucket stands for, within 1 % of each duration in it; ns. See duration_bucket.
create or replace macro bucket_ns(bucket) as
    case when bucket < 0 then 0.0 else 0.99 * pow(1.01 / 0.99, bucket) end
