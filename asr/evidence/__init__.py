"""What speaks for a hypothesis: where its tokens lie, how probable they are, what is odd."""
