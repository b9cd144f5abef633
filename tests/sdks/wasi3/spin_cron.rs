//! What `spin-cron-sdk` makes of a handler for Spin 4: an asynchronous function of the world. Logs the time.

wit_bindgen::generate!({
    inline: "
        package spin:cron@3.0.0;

        interface cron-types {
            record metadata { timestamp: u64 }
            variant error { other(string) }
        }

        world spin-cron {
            use cron-types.{metadata, error};
            export handle-cron-event: async func(metadata: metadata) -> result<_, error>;
        }
    ",
});

struct Handler;

export!(Handler);

impl Guest for Handler {
    async fn handle_cron_event(metadata: Metadata) -> Result<(), Error> {
        println!("due at {}", metadata.timestamp);
        Ok(())
    }
}
