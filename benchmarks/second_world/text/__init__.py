"""What people, programs and products write, and what comes back."""
