"""What lectures and assignments share: data, training, plotting, checks."""
