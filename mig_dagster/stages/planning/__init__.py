"""What annotation would cost before it is run."""
