"""What brings events to the alias: queues, topics, rules and schedules, and where events go that nobody could handle.

Every source is named and identified by what the code calls it, so that nothing of one changes with another.
"""
