"""What CloudFormation, or anybody else, has deployed into the emulator, run here as Lambda and API Gateway would.

The emulator keeps what there is: functions, versions, aliases, HTTP APIs. It is asked for that, and runs none of it.
"""
