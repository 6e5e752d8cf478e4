"""What a holder is told when a measure is asked for, and what stands behind the decision for who examines it.

Everything is made from the frozen decision and the policy that it names: what is told later is what was decided then.
"""
