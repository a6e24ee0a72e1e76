"""Small teachers and students, trained on this machine, to measure what marks and twins can show."""
