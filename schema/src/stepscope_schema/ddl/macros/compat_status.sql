-- A canonical status in the few words of an older design: one for what goes on, one for what ended well
-- (partial, skipped and superseded too) and one for everything else (timed out, cancelled, lost, unknown).
create or replace macro compat_status(status, going_on, good, bad) as
    case when status in ('queued', 'running', 'waiting', 'retrying') then going_on
        when status in ('success', 'partial', 'skipped', 'superseded') then good
        else bad end
