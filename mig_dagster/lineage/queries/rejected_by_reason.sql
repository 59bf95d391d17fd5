-- Why were records turned away, how many of each source, and what is an example?
select source, reason, count(*) as records, min(origin) as first_origin, min_by(detail, origin) as first_detail
from rejected_rows
group by source, reason
order by records desc, source, reason
