"""Alerts that leave the deployment: signed webhooks and MQTT, from a durable outbox."""
