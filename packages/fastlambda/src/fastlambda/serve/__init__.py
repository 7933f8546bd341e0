"""The same `FastLambda(app)` where there is no Lambda: a container of ECS or EKS that answers requests itself.

    python -m fastlambda.serve lambda_handler.handler

Importing the handler is INIT, as on Lambda; then uvicorn listens, on the event loop that the lifespan was started on.
Requests come many at a time, so each has its log keys, its metrics and its segment to itself. Where there is a Runtime
API, the same command runs Lambda's runtime client, so that it can be the entrypoint of an image for both.

    settings     the environment -> one frozen record
    identity     a request's headers -> its ids and its trace
    tracing      a request's segment, sent to the X-Ray daemon
    application  the ASGI app that uvicorn calls: health, then identity > tracing > metrics > logs > failure > app
    server       uvicorn from its start to the end of the lifespan
    loading      the handler's name -> the handler

Needs the extra `fastlambda[serve]`; nothing of it is imported on Lambda.
"""
