-- How are the quality scores of each source distributed, and how many rows have none, why?
select
    source,
    count(*) as rows,
    count(score) as scored,
    min(score) as lowest,
    quantile_cont(score, 0.25) as quartile_1,
    median(score) as median,
    quantile_cont(score, 0.75) as quartile_3,
    max(score) as highest,
    avg(score) as mean,
    list(distinct flag order by flag) filter (flag is not null) as flags
from annotations
where signal = 'quality_scores'
group by source
order by source
