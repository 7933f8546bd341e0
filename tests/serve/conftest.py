from function_fixtures import runtime_dir

__all__ = ["runtime_dir"]
