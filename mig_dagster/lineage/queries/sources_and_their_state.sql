-- What is registered, what was removed, which revision is current, and how much of it is in the pool?
select
    s.source,
    s.registered,
    s.removed_at,
    s.revision,
    (select max(recorded_at) from revisions v where v.source = s.source and v.revision = s.revision) as first_read,
    s.rows,
    s.rejected,
    (select count(*) from rows r where r.source = s.source and r.in_pool) as in_pool
from sources s
order by s.source
