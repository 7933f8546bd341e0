from function_fixtures import deploy, runtime_dir

from local_aws import local_aws, unique

__all__ = ["deploy", "local_aws", "runtime_dir", "unique"]
