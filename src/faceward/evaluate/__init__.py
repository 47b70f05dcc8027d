"""How often recognition errs: protocols, metrics, calibration, fairness and the evidence that binds operations."""
