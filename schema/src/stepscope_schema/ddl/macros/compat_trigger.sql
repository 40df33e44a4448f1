-- What started an execution in the words of older design 000; any other word as it is.
create or replace macro compat_trigger(word) as
    case word when 'cron' then 'schedule' when 'scheduled' then 'schedule' when 'http' then 'webhook'
        when 'api' then 'webhook' when 'event' then 'internal_event' else coalesce(word, 'unknown') end
