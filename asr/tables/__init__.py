"""Tables as people and programs write them: csv, tsv and JSON, and what their columns mean."""
