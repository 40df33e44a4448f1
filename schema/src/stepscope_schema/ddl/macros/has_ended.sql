-- Whether a row of stored.spans has an end. Of one column, so that scans decide it by their zone maps.
create or replace macro has_ended(odd_end_unix_nano) as odd_end_unix_nano is null or odd_end_unix_nano > 0
