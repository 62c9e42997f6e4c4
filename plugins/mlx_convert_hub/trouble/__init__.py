"""What can go wrong with the Hub: the table of causes, how they are seen, how they are explained."""
