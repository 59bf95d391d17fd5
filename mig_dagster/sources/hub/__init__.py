"""Datasets on the Hugging Face Hub, read at a commit, through huggingface_hub and its cache.

Requests, which a test counts: a look at a source that did not change is 1 (2 where the Parquet-converted branch is
read); a new revision costs at most 2 and then 2 a file, the card counted as a file; reading a pinned revision that is
in the cache costs none. A repo of a thousand files and more costs a look another request for each thousand. No code of
a repo is ever run.
"""
