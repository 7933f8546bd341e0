"""What `fastlambda init` knows: where a project's app is, and which few lines make a service of it."""
