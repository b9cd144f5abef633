//! Counts messages, and reports on a schedule how many there were.
//!
//! The report is published before what it counted is taken off: a tick that fails in between is tried again, and the
//! same messages are reported once more rather than never. Messages that come meanwhile stay for the next report.

use std::fmt::Display;

use tidegate_sdk::{Message, Qos, Tick, key_value, mqtt_handler, schedule_handler};

#[mqtt_handler(topic = "sensors/#", order = "none", bucket = "activity")]
fn count(_message: Message) -> Result<(), String> {
    let bucket = key_value::open("activity").map_err(text)?;
    bucket.increment("messages", 1).map_err(text)?;
    Ok(())
}

#[schedule_handler(
    cron = "*/10 * * * * *",
    bucket = "activity",
    publish = "reports/activity"
)]
fn report(tick: Tick) -> Result<(), String> {
    let bucket = key_value::open("activity").map_err(text)?;
    let messages = bucket.increment("messages", 0).map_err(text)?;
    let mut line = format!("{} {messages} messages", tick.local_time);
    if tick.missed > 0 {
        line += &format!(" (stands for {} reports)", tick.missed + 1);
    }
    let report = Message::new("reports/activity", line).with_qos(Qos::AtLeastOnce);
    report.retained().publish().map_err(text)?;
    bucket.increment("messages", -messages).map_err(text)?;
    Ok(())
}

fn text(error: impl Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use tidegate_sdk::testing;

    use super::*;

    fn last_report() -> Option<String> {
        let message = testing::published().pop()?;
        assert!(message.retain && message.topic == "reports/activity");
        String::from_utf8(message.payload).ok()
    }

    #[test]
    fn each_message_is_in_one_report() {
        for _ in 0..3 {
            assert_eq!(count(Message::new("sensors/a", "1")), Ok(()));
        }
        let at = "2026-03-29T03:00:00+00:00";
        assert_eq!(report(testing::tick(at)), Ok(()));
        assert_eq!(last_report(), Some(format!("{at} 3 messages")));
        let late = Tick {
            missed: 2,
            ..testing::tick(at)
        };
        assert_eq!(report(late), Ok(()));
        let expected = format!("{at} 0 messages (stands for 3 reports)");
        assert_eq!(last_report(), Some(expected));
    }

    #[test]
    fn what_could_not_be_reported_is_not_lost() {
        assert_eq!(count(Message::new("sensors/a", "1")), Ok(()));
        let at = "2026-03-29T03:00:00+00:00";
        testing::fail_next_publish("full");
        assert!(report(testing::tick(at)).is_err());
        assert_eq!(report(testing::tick(at)), Ok(()));
        assert_eq!(last_report(), Some(format!("{at} 1 messages")));
    }
}
