"""What a person sees of a deployment: records in, something Rich can print out. Nothing here acts or asks."""
