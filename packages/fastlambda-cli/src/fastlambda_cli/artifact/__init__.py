"""The artifact: a service's locked packages and its own modules, as the zip that Lambda runs."""
