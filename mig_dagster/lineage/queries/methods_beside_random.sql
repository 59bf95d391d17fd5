-- How far is each subset from random subsets of the same size, in standard deviations of these?
with measured as (
    unpivot (
        select
            subset, rows, tokens::double as tokens, mean_score, labels_covered::double as labels_covered,
            information, facility_location_share, nearest_distance
        from comparison
        where error is null
    )
    on tokens, mean_score, labels_covered, information, facility_location_share, nearest_distance
    into name measure value value
)
select
    m.subset,
    m.measure,
    m.value,
    r.mean as random_mean,
    r.sd as random_sd,
    round((m.value - r.mean) / nullif(r.sd, 0), 1) as deviations
from measured m
left join comparison_random_spread r using (rows, measure)
order by m.measure, deviations desc nulls last, m.subset
