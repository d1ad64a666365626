"""What answers the asks of paintings: engines, and who leads one painting or many through them."""
