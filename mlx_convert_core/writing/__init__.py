"""Making an output folder: staging, weight files, reading back, checking, the record, and removing one."""
