"""The local cloud: AWS on a laptop, as Lambda would run the service.

    browser -> http/ (HTTP API, payload 2.0) --.
                                               +-> function/ (Lambda: environments, Runtime API, telemetry)
    SDK     -> aws/ (front door) -- Invoke ----'
                  `-- everything else -> the emulator, a guarded child process

Nothing here prints: what happens is handed to a sink as the frozen records of `model`.
"""
