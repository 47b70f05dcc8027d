"""The record of use: append-only Merkle log, signed checkpoints, receipts; the verifier stands apart."""
