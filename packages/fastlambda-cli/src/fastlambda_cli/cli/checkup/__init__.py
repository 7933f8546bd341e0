"""What `fastlambda doctor` looks at: this machine, the service, and the account it is deployed to."""
