"""Using a model: recognizing, transcribing, decoding, tuning, drawing."""
