"""What the end-to-end tests are made of: processes, clients, the recording relay and the schema oracle."""
