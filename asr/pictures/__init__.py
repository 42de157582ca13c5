"""Pictures: attention, features, curves and histograms, drawn with matplotlib."""
