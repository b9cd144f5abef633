

class Handler(exports.Handler):
    """Runs `message(message, delivery)` for an MQTT message."""

    def handle(self, message, delivery):
        module.message(message, delivery)
