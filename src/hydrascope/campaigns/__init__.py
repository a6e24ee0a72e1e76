"""Links become clusters, clusters become judged campaigns."""
