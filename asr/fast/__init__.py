"""What makes recurrent steps fast on a CPU, each beside its plain equation."""
