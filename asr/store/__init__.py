"""Files of weights and of training states: no bit of them changes without being noticed."""
