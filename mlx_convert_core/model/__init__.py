"""The data: models, plans, requests, events, findings, recipes, and the file formats that they are read from."""
