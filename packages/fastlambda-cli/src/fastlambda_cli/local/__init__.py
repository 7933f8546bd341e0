"""The local cloud: AWS on a laptop, as Lambda would run the service.

    browser -> http/ (HTTP API, payload 2.0) --.
                                               +-> function/ (Lambda: environments, Runtime API, telemetry)
    SDK     -> aws/ (front door) -- Invoke ----'
                  |-- what is deployed -> aws/deployed/ -> http/ and function/, as the emulator describes it
                  `-- everything else -> the emulator, a guarded child process

`cloud` runs a service's folder with all of this, until it is ended; `standing` has the front door alone, for as long
as a command needs it.

Nothing here prints: what happens is handed to a sink as the frozen records of `model`.
"""
