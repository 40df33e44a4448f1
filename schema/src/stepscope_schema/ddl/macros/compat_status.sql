-- A canonical status in the few words of an older design: one for what goes on (lost too, since nobody
-- knows its end), one for what ended well (partial, skipped and superseded too) and one for all else.
create or replace macro compat_status(status, going_on, good, bad) as
    case when status in ('queued', 'running', 'waiting', 'retrying', 'lost') then going_on
        when status in ('success', 'partial', 'skipped', 'superseded') then good
        else bad end
