"""The uplink: journal -> MQTT -> receipts. One batch in flight, nothing queued anywhere else."""
