-- The tables of the lineage catalog. Times are UTC. Columns named in several tables mean the same everywhere.

-- Every dataset that is registered, or was once. `revision`, `rows` and `rejected` are those of the version that is current.
create table sources (
    source varchar,
    uri varchar,
    format varchar,
    licence varchar,
    priority bigint,
    columns json,
    registered boolean,
    removed_at timestamp,
    revision varchar,
    rows bigint,
    rejected bigint
);

-- Every revision that was ever read of a source.
create table revisions (
    source varchar,
    uri varchar,
    revision varchar,
    licence varchar,
    files json,
    bytes bigint,
    run_id varchar,
    recorded_at timestamp
);

-- The current version of every asset, of each of its partitions.
create table versions (
    asset varchar,
    partition varchar,
    data_version varchar,
    rows bigint,
    inputs json,
    info json,
    created_at timestamp,
    manifest varchar
);

-- Every accepted row of every source. (source, origin) is unique; row_id is a content hash and may repeat.
-- `in_pool` is null while there is no pool.
create table rows (
    row_id varchar,
    source varchar,
    origin varchar,
    n_turns integer,
    n_chars bigint,
    in_pool boolean
);

-- Every record that was turned away, with the code of the reason.
create table rejected_rows (source varchar, origin varchar, reason varchar, detail varchar, raw varchar);

-- Every row that the pool left out, with the row of the pool that stands for it.
create table duplicates (
    source varchar,
    origin varchar,
    row_id varchar,
    kind varchar,
    kept_source varchar,
    kept_origin varchar,
    kept_row_id varchar
);

-- What annotators said: one line for each row id, source and signal. `value` is JSON, an object where a signal has
-- several values (`value->>'ifd_ppl'`); `score` has it where it is a number, `tags` where it is a list of tags. A line without a value has a flag that says why, except for embeddings,
-- whose values stay in the lake.
create table annotations (
    row_id varchar,
    source varchar,
    signal varchar,
    value varchar,
    score double,
    tags varchar[],
    annotator varchar,
    provenance varchar,
    flag varchar
);

-- The models and rules behind the fingerprints in `annotations.annotator`.
create table annotators (
    annotator varchar,
    name varchar,
    model varchar,
    revision varchar,
    prompt_version varchar,
    parameters json
);

-- What became of each tag: the label it is counted as, null where it was dropped, and the step that decided.
create table labels (tag varchar, count bigint, label varchar, step varchar);

-- Labels that share information, each pair once.
create table edges (label varchar, other varchar, weight double);

-- The chosen rows of every subset.
create table subsets (
    subset varchar,
    rank bigint,
    row_id varchar,
    source varchar,
    origin varchar,
    gain double,
    score double,
    labels varchar[]
);

-- Rows that a subset could not consider, with the reason.
create table excluded (subset varchar, row_id varchar, source varchar, reason varchar);

-- The cluster of every row of the pool, of methods that cluster.
create table clusters (subset varchar, row_id varchar, cluster bigint);

-- Why each row of a subset was chosen: a sentence, and the numbers behind it, whose names are the method's.
create table reasons (subset varchar, rank bigint, row_id varchar, reason varchar, details json);

-- The labels whose information each row chosen by MIG raised most; `label` is null in the line of all its others together,
-- which are `labels`. `direct` was told by the row's own label, `propagated` through the graph; the sum of `gain` is the
-- objective.
create table label_gains (
    subset varchar,
    rank bigint,
    row_id varchar,
    label varchar,
    labels bigint,
    direct double,
    propagated double,
    before double,
    gain double
);

-- Every subset under the measures of several methods, as selection_report made them. Where `error` says why there is no
-- subset, all measures are null. `seconds` is the wall time of the method itself in the last run that gave this subset;
-- null for a baseline that selection_report chose itself, whose name does not end in _subset.
create table comparison (
    subset varchar,
    method varchar,
    seed bigint,
    rows bigint,
    tokens bigint,
    mean_score double,
    labels_covered bigint,
    labels_in_pool bigint,
    information double,
    facility_location double,
    facility_location_share double,
    nearest_distance double,
    seconds double,
    shortfall varchar,
    options json,
    tokenizer varchar,
    error varchar
);

-- How many rows and tokens of each subset come from each source, beside the pool.
create table comparison_source_mix (
    subset varchar,
    source varchar,
    rows bigint,
    share double,
    tokens bigint,
    pool_rows bigint,
    pool_share double
);

-- What every two subsets share; each ordered pair is there.
create table comparison_overlap (subset varchar, other varchar, shared bigint, jaccard double);

-- What chance gives: each measure over random subsets of every size compared. `measure` is a column of `comparison`.
create table comparison_random_spread (
    rows bigint,
    measure varchar,
    mean double,
    sd double,
    min double,
    max double,
    seeds bigint
);

-- Every run of every asset; a step that was tried again counts once. `seconds` is the wall time of the work itself,
-- without reading and writing, where an asset measures it.
create table runs (
    run_id varchar,
    asset varchar,
    partition varchar,
    started_at timestamp,
    ended_at timestamp,
    data_version varchar,
    rows bigint,
    config json,
    inputs json,
    code_version varchar,
    version varchar,
    seconds double,
    recorded_at timestamp
);

-- Sources that were taken out of the registry.
create table removals (source varchar, reason varchar, run_id varchar, recorded_at timestamp);

-- What was not made and why: one line for each failed step of each failed run. `job` is the job of the
-- run, or what started it where it has none of its own, as automation.
create table failures (
    asset varchar,
    source varchar,
    job varchar,
    message varchar,
    remedy varchar,
    failed_at timestamp,
    run_id varchar,
    recorded_at timestamp
);

-- What its place said of every source that a rule of `discovery:` found, when it was found: a snapshot of the dataset card,
-- as its owner wrote it. `outcome` is what the rule did: added or proposed.
create table discoveries (
    source varchar,
    uri varchar,
    rule varchar,
    outcome varchar,
    licence varchar,
    revision varchar,
    likes bigint,
    gated varchar,
    last_modified varchar,
    card varchar,
    card_metadata json,
    details json,
    recorded_at timestamp
);

-- How fast models read: one line for each run of a signal and each annotator that computed something in it, on the device
-- named. Tokens per second are tokens / seconds; what came from the cache is in neither.
create table throughput (
    annotator varchar,
    name varchar,
    model varchar,
    device varchar,
    items bigint,
    tokens bigint,
    seconds double,
    signal varchar,
    source varchar,
    run_id varchar,
    recorded_at timestamp
);
