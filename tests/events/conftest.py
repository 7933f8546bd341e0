from function_fixtures import deploy, runtime_dir

__all__ = ["deploy", "runtime_dir"]
