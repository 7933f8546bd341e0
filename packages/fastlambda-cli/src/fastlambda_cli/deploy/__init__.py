"""From a service's description to a stack that stands, on AWS or on this machine: one pipeline for both."""
