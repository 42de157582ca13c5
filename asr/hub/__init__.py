"""Model folders from and to the Hugging Face hub (the extra `hub`)."""
