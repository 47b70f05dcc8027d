"""The standards, one folder each: policy and schema in Cedar, parameters in TOML, a README in plain words."""
