"""What makes the recurrent loops fast on a CPU, each beside its plain equation."""
