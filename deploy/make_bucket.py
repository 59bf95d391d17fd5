"""Make the bucket of MIG_HOME where the S3 server has none yet: `python deploy/make_bucket.py`."""

import os
from urllib.parse import urlsplit

import s3fs

if __name__ == "__main__":
    home = urlsplit(os.environ["MIG_HOME"])
    if home.scheme == "s3":
        server = s3fs.S3FileSystem(
            key=os.environ["MIG_HOME_AWS_ACCESS_KEY_ID"],
            secret=os.environ["MIG_HOME_AWS_SECRET_ACCESS_KEY"],
            endpoint_url=os.environ["MIG_HOME_AWS_ENDPOINT_URL"],
        )
        if not server.exists(home.netloc):
            server.mkdir(home.netloc)
