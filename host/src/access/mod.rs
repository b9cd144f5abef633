//! Who somebody is: tokens under the host's own key, and the devices that MQTT clients may be.
//!
//! The admin API's roles and the broker's permissions are theirs; here is what both go by. [`devices`] answers the broker
//! at each CONNECT and is changed through the admin API.

mod attempts;
pub mod devices;
pub mod tokens;
