"""What more than one script of this collection needs, a folder for each stage
(docs/architecture.md)."""
