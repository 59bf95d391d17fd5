-- Where did the rows whose id begins with $row_id come from, and are they in the pool?
select r.row_id, r.source, r.origin, s.uri, s.licence, s.revision, r.in_pool
from rows r
left join sources s using (source)
where starts_with(r.row_id, $row_id)
order by r.row_id, r.source, r.origin
