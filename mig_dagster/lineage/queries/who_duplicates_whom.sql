-- Which sources repeat rows of which others, and how many?
select source, kept_source, kind, count(*) as rows
from duplicates
group by all
order by rows desc, source, kept_source, kind
