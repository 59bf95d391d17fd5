"""What the tests ask of the webserver, in its GraphQL."""

ASSETS = """query { assetsOrError { ... on AssetConnection { nodes { key { path } definition {
  groupName isPartitioned kinds pools hasAssetChecks } } } } }"""

ADD_PARTITION = """mutation($selector: RepositorySelector!, $key: String!) {
  addDynamicPartition(repositorySelector: $selector, partitionsDefName: "source", partitionKey: $key) {
    __typename ... on AddDynamicPartitionSuccess { partitionKey } ... on PythonError { message } } }"""

LAUNCH = """mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } ... on InvalidSubsetError { message } } }"""

BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""

BACKFILL_STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status numPartitions assetSelection { path } error { message } } } }"""

RUN_STATUS = """query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"""

MATERIALISATIONS = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
  assetMaterializations(limit: 20) { partition metadataEntries { label __typename
    ... on IntMetadataEntry { intValue } ... on TextMetadataEntry { text } ... on MarkdownMetadataEntry { mdStr }
    ... on JsonMetadataEntry { jsonString } ... on FloatMetadataEntry { floatValue } } } } } }"""

SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "mig_dagster"}


def run_params(job: str, assets: list[str], *, partition: str | None = None, config: dict | None = None) -> dict:
    """Return what `LAUNCH` needs to materialise some assets."""
    tags = [{"key": "dagster/partition", "value": partition}] if partition else []
    return {
        "selector": SELECTOR | {"pipelineName": job, "assetSelection": [{"path": [asset]} for asset in assets]},
        "runConfigData": config or {},
        "mode": "default",
        "executionMetadata": {"tags": tags},
    }


def shown(materialisation: dict) -> dict:
    """Return a materialisation's metadata, value by label."""
    fields = ("intValue", "floatValue", "text", "mdStr", "jsonString")
    return {
        entry["label"]: next((entry[field] for field in fields if entry.get(field) is not None), None)
        for entry in materialisation["metadataEntries"]
    }
