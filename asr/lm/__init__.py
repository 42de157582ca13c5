"""Language models: recurrent and n-gram, their training, and their part in search."""
