"""Narrow clients over boto3: what a deployment asks of AWS, with AWS's failures told as ours."""
