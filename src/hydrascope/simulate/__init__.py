"""Worlds with ground truth: campaigns, honest look-alikes, adaptive attackers. Detectors never import it."""
