"""Notices to the holder about a measure, and the evidence behind a decision for reviewers.

Both are made from the recorded decision and the policy that it names, so they always show what was decided then.
"""
