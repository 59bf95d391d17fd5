-- Shorten the history of runs: psql -v days=90 -f deploy/trim_event_log.sql
-- What runs logged step by step goes; what says which asset was made, checked or failed stays, because staleness, automation
-- and the pages of assets read it. (Deleting whole runs would make Dagster forget that their assets exist.)
DELETE FROM event_logs
WHERE timestamp < now() - make_interval(days => :days)
  AND asset_key IS NULL
  AND run_id IN (SELECT run_id FROM runs WHERE status IN ('SUCCESS', 'FAILURE', 'CANCELED'))
  AND (dagster_event_type IS NULL OR dagster_event_type IN (
    'ENGINE_EVENT', 'HANDLED_OUTPUT', 'LOADED_INPUT', 'LOGS_CAPTURED', 'RESOURCE_INIT_FAILURE', 'RESOURCE_INIT_STARTED',
    'RESOURCE_INIT_SUCCESS', 'STEP_INPUT', 'STEP_OUTPUT', 'STEP_START', 'STEP_SUCCESS', 'STEP_WORKER_STARTED',
    'STEP_WORKER_STARTING'));
