"""Text becomes a small, mergeable sketch; nothing after this room needs the text."""
