//! What `spin-mqtt-sdk` makes of a handler for Spin 4: an asynchronous function of the world. Logs the message; a
//! message `fail` is not handled.

wit_bindgen::generate!({
    inline: "
        package spin:mqtt-trigger@3.0.0;

        interface spin-mqtt-types {
            variant error { other(string) }
            enum qos { at-most-once, at-least-once, exactly-once }
            record metadata { topic: string }
            type payload = list<u8>;
        }

        world spin-mqtt {
            use spin-mqtt-types.{error, metadata, payload};
            export handle-message: async func(message: payload, metadata: metadata) -> result<_, error>;
        }
    ",
});

struct Handler;

export!(Handler);

impl Guest for Handler {
    async fn handle_message(message: Payload, metadata: Metadata) -> Result<(), Error> {
        let message = String::from_utf8_lossy(&message).into_owned();
        println!("{} {message}", metadata.topic);
        match message.as_str() {
            "fail" => Err(Error::Other("was told to fail".to_owned())),
            _ => Ok(()),
        }
    }
}
