"""An attacker who adapts: the cheapest way past a detector, and what it costs."""
