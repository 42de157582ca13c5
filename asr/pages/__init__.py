"""Reports as one HTML file each, for people: `report.html` and `compare.html`."""
