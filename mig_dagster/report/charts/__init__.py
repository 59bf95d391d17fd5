"""What the charts of several figures share, and charts as pictures."""
