-- Removes rejections of before $before (UTC).
delete from stored.rejections
where received_at < $before
